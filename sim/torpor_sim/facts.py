"""The facts about a simulated board that its shims read from ``facts.json``."""

from __future__ import annotations

import calendar
import dataclasses
import errno
import hashlib
import secrets
from collections.abc import Sequence
from typing import Any

from torpor_tools.model.board import Board
from torpor_tools.model.port import Port
from torpor_tools.project.ports import load_port

from .clock import Clock
from .flash import BoardFolder
from .ports import Place

# Extra heap of a board, in bytes of a 32-bit chip: the shims live in the heap too.
# An ESP32's shims take 24 kB of it, as measured, and their names make the table of names grow once
# more than on the chip, by 8 kB in one piece. A Pico's shims take 20 kB, of which its figures
# include 16 kB.
_OVERLAY_BYTES = {"esp32": 32 * 1024, "rp2": 4 * 1024}
_SLOTS_BYTES = 16 * 1024  # the shims of firmware slots, on a board that accepts updates
_LED = ("WL_GPIO0", "EXT_GPIO0")  # its other names: ports/rp2/boards/RPI_PICO_W/pins.csv
_FREQUENCY_HZ = {"rp2": 125_000_000, "esp32": 160_000_000}


# Heap of devices, as measured: the buses with the code that all models share, and each model.
_BUSES_BYTES = 24 * 1024
_DEVICE_BYTES = 3 * 1024


def heap_bytes(board: Board, devices: int = 0, slots: bool = False) -> int:
    """Return the heap of a simulated board with that many devices, in bytes of a 32-bit chip.

    ``slots``: whether its firmware can be replaced.
    """
    shims = _OVERLAY_BYTES.get(board.port, 0) + slots * _SLOTS_BYTES
    return board.heap_bytes + shims + wiring_bytes(devices)


def wiring_bytes(devices: int) -> int:
    """Return the additional heap in bytes for the models of that many devices."""
    return _BUSES_BYTES + devices * _DEVICE_BYTES if devices else 0


def facts(
    name: str,
    board: Board,
    place: Place,
    folder: BoardFolder,
    *,
    reset_cause: str,
    wake_reason: str,
    clock: Clock | None = None,
    lookup_ms: int | None = None,
    devices: Sequence[str] = (),
) -> dict[str, Any]:
    """Return all facts of the board ``name`` for its next start.

    ``reset_cause``: power-on, reset, watchdog, deepsleep or soft. ``wake_reason``: timer, ext0,
    ext1, gpio, or empty. ``clock``: the simulator's, if its time is not the real one.
    ``devices``: the names of the devices wired to it. ``lookup_ms``: how long a failed look-up
    blocks, if not as long as on the port.
    """
    digest = hashlib.sha256(name.encode()).hexdigest()
    pins = board.pins
    found: dict[str, Any] = {
        "name": name,
        "token": secrets.token_hex(8),  # marks the events of this run
        "title": board.title,
        "port": board.port,
        "chip": board.chip,
        "address": place.address,
        "ports": {str(port): number for port, number in place.ports.items()},
        "listeners": board.listeners,
        "connections": board.connections,
        "sockets": board.sockets,
        "behaves": _behaviour(load_port(board.port), board.chip, lookup_ms),
        "reset_cause": reset_cause,
        "wake_reason": wake_reason,
        "unique_id": digest[:12] if board.port == "esp32" else digest[:16],
        "mac": "02" + digest[2:12],
        "flash": str(folder.flash),
        "run": str(folder.run),
        "speed": clock.speed if clock else 1.0,
        "epoch_ns": clock.epoch_ns if clock else 0,
        "frequency": _FREQUENCY_HZ.get(board.port, 0),
    }
    if pins.gpio:
        found["gpio"] = _mask(pins.gpio)
        found["named"] = {n: "LED" if n in _LED else n for n in pins.names}
    if pins.input_only:
        found["input_only"] = _mask(pins.input_only)
    if devices:
        found["devices"] = list(devices)
    return found


def _mask(pins: Sequence[int]) -> int:
    """Return a bit for each pin: a list would take more of the board's heap."""
    return sum(1 << pin for pin in pins)


def _behaviour(port: Port, chip: str, lookup_ms: int | None) -> dict[str, Any]:
    """Return the behaviour of the port that the shims imitate. It takes heap, so it is short."""
    sockets = port.sockets
    names = dataclasses.asdict(port.names)
    if lookup_ms is not None:
        names |= {"local_ms": lookup_ms, "dns_ms": lookup_ms}
    found = {
        # Only the numbers that differ from this computer's.
        "errno": {k: n for k, n in port.errno.items() if getattr(errno, k) != n},
        "disk_full": port.errno["ENOSPC"],
        "socket_full": port.errno[sockets.full],
        "listen_full": port.errno[sockets.listen_full],
        "accept_full": port.errno[sockets.accept_full] if sockets.accept_full else 0,
        "poll_ms": port.loop.poll_ms,
        "names": names,
    }
    if shift := calendar.timegm((port.time.epoch_year, 1, 1, 0, 0, 0)):
        found["epoch_s"] = shift
    if port.hostname:
        found["hostname"] = port.hostname.default.get(chip, "")
        found["hostname_longest"] = port.hostname.longest
        found["hostname_once"] = port.hostname.taken_at == "first address"
    if port.wifi:
        found["wifi"] = dataclasses.asdict(port.wifi)
    return found
