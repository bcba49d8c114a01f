"""Flashing the ESP32 family: real esptool against a boot loader that speaks the chip's protocol."""

from __future__ import annotations

import dataclasses
import random
import socket
import subprocess
from functools import cache
from pathlib import Path

import pytest
from serial.tools.list_ports_common import ListPortInfo

from tests.helpers import board_types
from tests.helpers.boards import MICROPYTHON
from tests.helpers.esp32_chip import Chip, NativeUsb
from torpor_tools.board.flash import esp32, find
from torpor_tools.board.flash.catalogue import firmware
from torpor_tools.errors import UserError
from torpor_tools.image import littlefs
from torpor_tools.image.flashable import flashable
from torpor_tools.project import load_board

FILES = {
    "boot.py": b"print('boot')\n",
    "torpor/kernel.mpy": random.Random(11).randbytes(3000),
    "services/a/static/page.html.gz": random.Random(12).randbytes(40_000),
}
MOUNT = """
import os, sys, vfs

class Flash:
    def __init__(self, data):
        self.data = bytearray(data)
    def readblocks(self, n, buffer, offset=0):
        at = n * 4096 + offset
        buffer[:] = self.data[at : at + len(buffer)]
    def writeblocks(self, n, buffer, offset=0):
        at = n * 4096 + offset
        self.data[at : at + len(buffer)] = buffer
    def ioctl(self, op, arg):
        return {4: len(self.data) // 4096, 5: 4096}.get(op, 0)

content = open(sys.argv[1], "rb").read()
vfs.mount(vfs.VfsLfs2(Flash(content)), "/flash")

def walk(folder):
    for entry in os.ilistdir(folder):
        path = folder + "/" + entry[0]
        if entry[1] == 0x4000:
            walk(path)
        else:
            print(path[7:], open(path, "rb").read().hex())

walk("/flash")
"""


@pytest.fixture(autouse=True)
def no_hex_dumps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep esptool from formatting every packet for a disabled trace."""
    from esptool import loader

    monkeypatch.setattr(loader.HexFormatter, "__str__", lambda dump: f"{len(dump._s)} bytes")


@cache
def _content(name: str) -> bytes:
    board = load_board(name)
    packed = littlefs.pack(FILES, board.filesystem)
    return bytes(flashable(board, firmware(board).read_bytes(), packed))


def make(name: str, folder: Path) -> Path:
    file = folder / f"{name}.bin"
    file.write_bytes(_content(name))
    return file


@pytest.mark.parametrize("name", board_types.ESP32)
def test_flashed_content_is_identical_and_mounts(name: str, tmp_path: Path) -> None:
    board = load_board(name)
    assert board.firmware
    file = make(name, tmp_path)
    start = board.firmware.offset
    seen: list[tuple[int, int | None]] = []
    with Chip(board.chip.lower().replace("-", "")) as chip:
        # The mock has the first revision of every chip, which the C3's firmware rejects.
        esp32.flash(
            file,
            board,
            chip.url,
            force=True,
            progress=lambda done, total: seen.append((done, total)),
        )
    assert seen[-1][0] == seen[-1][1]
    content = chip.flash.read(start, file.stat().st_size)
    assert content == file.read_bytes()
    assert set(chip.flash.read(0, start)) <= {0xFF}
    part = tmp_path / "filesystem"
    part.write_bytes(content[board.filesystem.offset - start :])
    program = tmp_path / "mount.py"
    program.write_text(MOUNT)
    done = subprocess.run(
        [str(MICROPYTHON), "-X", "heapsize=8M", str(program), str(part)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = dict(line.split(" ") for line in done.stdout.splitlines())
    assert {path: bytes.fromhex(text) for path, text in found.items()} == FILES


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return make("ESP32_GENERIC", tmp_path)


ESP32 = load_board("ESP32_GENERIC")


def test_the_wrong_chip(file: Path) -> None:
    with (
        Chip("esp32s3") as chip,
        pytest.raises(UserError, match="has an ESP32-S3, and ESP32_GENERIC an ESP32"),
    ):
        esp32.flash(file, ESP32, chip.url)


def test_a_chip_revision_that_the_firmware_rejects(tmp_path: Path) -> None:
    file = make("ESP32_GENERIC_C3", tmp_path)
    with (
        Chip("esp32c3") as chip,
        pytest.raises(UserError, match="not made for the revision of the chip"),
    ):
        esp32.flash(file, load_board("ESP32_GENERIC_C3"), chip.url)


def test_a_file_larger_than_the_flash(file: Path, tmp_path: Path) -> None:
    large = tmp_path / "large.bin"
    large.write_bytes(file.read_bytes() + bytes(1 << 20))
    with (
        Chip("esp32") as chip,
        pytest.raises(UserError, match=r"needs 5,242,880 bytes, and the board's flash has"),
    ):
        esp32.flash(large, ESP32, chip.url)


@pytest.mark.parametrize("limit", [150_000, 700_000])
def test_a_cable_pulled_while_flashing_and_then_the_same_command(file: Path, limit: int) -> None:
    with Chip("esp32", pull_at=limit) as chip:
        with pytest.raises(UserError, match="was lost while flashing"):
            esp32.flash(file, ESP32, chip.url)
        assert chip.flash.read(0x1000, file.stat().st_size) != file.read_bytes()
        assert chip.pulled
        chip.plug_in()
        esp32.flash(file, ESP32, chip.url)
    assert chip.flash.read(0x1000, file.stat().st_size) == file.read_bytes()


def test_no_chip_answers(file: Path) -> None:
    silent = socket.create_server(("127.0.0.1", 0))
    with pytest.raises(UserError, match="no ESP32 answers on socket://"):
        esp32.flash(file, ESP32, f"socket://127.0.0.1:{silent.getsockname()[1]}")
    silent.close()


def test_a_flash_with_other_content_afterwards(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import esptool

    def write_nothing(*args: object, **kw: object) -> None:
        pass

    monkeypatch.setattr(esptool.cmds, "write_flash", write_nothing)
    with Chip("esp32") as chip, pytest.raises(UserError, match="does not contain what was written"):
        esp32.flash(file, ESP32, chip.url)


def test_a_port_that_cannot_be_opened(file: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no port /dev/ttyNONE"):
        esp32.flash(file, ESP32, "/dev/ttyNONE")
    assert dataclasses.asdict(ESP32)["port"] == "esp32"


S3 = load_board("ESP32_GENERIC_S3")


@pytest.mark.parametrize(
    ("name", "micropython"),
    [("ESP32_GENERIC_S3", 0x4001), ("ESP32_GENERIC_C3", 0x1001), ("ESP32_GENERIC_C6", 0x1001)],
)
def test_a_chips_own_usb_that_comes_back_as_another_device(
    name: str, micropython: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = load_board(name)
    file = make(name, tmp_path)
    with NativeUsb(board.chip.lower().replace("-", ""), micropython=micropython) as chip:
        monkeypatch.setattr("serial.tools.list_ports.comports", chip.comports)
        device = esp32.flash(file, board, chip.device, force=True, patience_s=60)
        assert device == chip.device
    products, ports = zip(*chip.seen, strict=True)
    last = () if micropython == 0x1001 else (micropython,)
    assert products == (micropython, 0x1001, *last)
    assert ports[0] != ports[1]
    assert chip.flash.read(0, file.stat().st_size) == file.read_bytes()


def test_a_chips_own_usb_that_does_not_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = make("ESP32_GENERIC_S3", tmp_path)
    with NativeUsb("esp32s3", returns=False) as chip:
        monkeypatch.setattr("serial.tools.list_ports.comports", chip.comports)
        with pytest.raises(UserError, match=r"went away from .*, and has not come back") as caught:
            esp32.flash(file, S3, chip.device, patience_s=0.5)
    [problem] = caught.value.problems
    assert "hold its BOOT button while you plug it in" in problem.remedy


@pytest.mark.parametrize(
    ("vendor", "product", "what"),
    [
        (0x1A86, 0x55D3, "a CH343 bridge"),
        (0x1A86, 0x55D4, "a CH9102 bridge"),
        (0x1A86, 0x7523, "a CH340 bridge"),
        (0x10C4, 0xEA60, "a CP210x bridge"),
        (0x10C4, 0xEA70, "a CP2105 bridge"),
        (0x0403, 0x6010, "an FT2232 bridge"),
        (0x303A, 0x0002, "an ESP32-S2 in its boot loader"),
        (0x303A, 0x1001, "an ESP32's own USB"),
    ],
)
def test_a_board_is_found_by_its_usual_bridges(
    vendor: int, product: int, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = ListPortInfo("/dev/ttyUSB7", skip_link_detection=True)
    port.vid, port.pid = vendor, product
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: [port])
    assert find.the_port(S3) == find.Port("/dev/ttyUSB7", "esp32", what)
