"""The boards that are plugged in: serial ports by USB id, BOOTSEL drives by their content."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
from serial.tools import list_ports

from ...errors import UserError, fail
from ...model.board import Board
from ...suggest import listing

# (vendor, product) -> MicroPython's port of the boards that have it, and what it is.
# Chips' own USB: ports/rp2/mpconfigport.h and ports/esp32/mpconfigport.h of MicroPython,
# github.com/espressif/usb-pids. Bridges: Linux 6.6, drivers/usb/serial/cp210x.c, ch341.c and
# ftdi_sio_ids.h; for the CH342 and later WCH's own driver, github.com/WCHSoftGroup/ch343ser_linux.
_USB = {
    (0x2E8A, 0x0005): ("rp2", "MicroPython on an RP2 board"),
    (0x303A, 0x0002): ("esp32", "an ESP32-S2 in its boot loader"),
    (0x303A, 0x1001): ("esp32", "an ESP32's own USB"),
    (0x303A, 0x4001): ("esp32", "MicroPython on an ESP32-S2 or S3"),
    (0x10C4, 0xEA60): ("esp32", "a CP210x bridge"),
    (0x10C4, 0xEA70): ("esp32", "a CP2105 bridge"),
    (0x10C4, 0xEA71): ("esp32", "a CP2108 bridge"),
    (0x1A86, 0x7522): ("esp32", "a CH340K bridge"),
    (0x1A86, 0x7523): ("esp32", "a CH340 bridge"),
    (0x1A86, 0x5523): ("esp32", "a CH341 bridge"),
    (0x1A86, 0x55D2): ("esp32", "a CH342 bridge"),
    (0x1A86, 0x55D3): ("esp32", "a CH343 bridge"),
    (0x1A86, 0x55D4): ("esp32", "a CH9102 bridge"),
    (0x1A86, 0x55D5): ("esp32", "a CH344 bridge"),
    (0x0403, 0x6001): ("esp32", "an FT232 bridge"),
    (0x0403, 0x6010): ("esp32", "an FT2232 bridge"),
    (0x0403, 0x6011): ("esp32", "an FT4232 bridge"),
    (0x0403, 0x6014): ("esp32", "an FT232H bridge"),
    (0x0403, 0x6015): ("esp32", "an FT231X bridge"),
}
_INFO = "INFO_UF2.TXT"
# The Board-ID that the boot loader of a chip writes into it.
_DRIVES = {"RPI-RP2": "RP2040", "RP2350": "RP2350"}


@dataclass(frozen=True)
class Port:
    """A serial port that a board may be behind."""

    device: str  # /dev/ttyACM0
    port: str  # MicroPython's port: rp2 or esp32
    what: str


@dataclass(frozen=True)
class Drive:
    """A board in its boot loader, which shows as a drive (BOOTSEL)."""

    path: Path
    chip: str  # as in Board.chip


def serial_ports() -> list[Port]:
    """The serial ports whose USB ids are known, by name."""
    found = []
    for info in sorted(list_ports.comports(), key=lambda info: str(info.device)):
        known = _USB.get((info.vid or 0, info.pid or 0))
        if known:
            found.append(Port(info.device, *known))
    return found


def drives() -> list[Drive]:
    """The BOOTSEL drives that are mounted."""
    mounted = (Path(partition.mountpoint) for partition in psutil.disk_partitions(all=False))
    found = (drive_at(path) for path in mounted)
    return [drive for drive in found if drive]


def drive_at(path: Path) -> Drive | None:
    """The BOOTSEL drive mounted at ``path``, or None if there is none."""
    try:
        text = (path / _INFO).read_text(errors="replace", encoding="utf-8")
    except OSError:
        return None
    lines = (line.partition(":") for line in text.splitlines())
    named = {key.strip().lower(): value.strip() for key, _, value in lines}
    board_id = named.get("board-id", "")
    return Drive(path, _DRIVES.get(board_id, board_id))


def the_port(board: Board) -> Port:
    """The one serial port with a board of this type. Raises ``UserError`` for none or several."""
    fitting = [port for port in serial_ports() if port.port == board.port]
    if not fitting:
        raise nothing_found(board)
    if len(fitting) > 1:
        shown = listing(f"{port.device} ({port.what})" for port in fitting)
        raise fail(f"{len(fitting)} boards are plugged in: {shown}", _say_which(fitting))
    return fitting[0]


def nothing_found(board: Board) -> UserError:
    """The error that no board was found, with what to try."""
    remedy = "plug it in with a cable that carries data, not only power; or name it with --port"
    first = "hold BOOTSEL while you plug it in, then: " if board.port == "rp2" else ""
    remedy += f"\na board that was never flashed: {first}torpor flash"
    return fail(f"no {board.title} was found on USB", remedy)


def _say_which(ports: Sequence[Port]) -> str:
    return f"choose one, for example --port {ports[0].device}"
