"""Decide from the log whether a board that was just started came up."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import serial

from ...errors import UserError
from ...tracebacks import as_sources
from ..flash import line

READY_S = 30.0
_ADDRESS_S = 15.0  # for joining the Wi-Fi, after it is ready
_REOPEN_S = 0.2
_READ_S = 0.1
_FAILED = re.compile(r" ERROR (\w+): failed to start: (.*)")
_JOINED = re.compile(r" INFO +net: joined as (\S+)")
_READY = re.compile(r" INFO +kernel: ready")
_NO_WIFI = re.compile(r" WARN +net: no Wi-Fi name")


@dataclass
class Health:
    """The state of a start, as far as its log shows it."""

    ready: bool = False
    address: str = ""  # on the Wi-Fi, once it has joined
    wifi: bool = True  # False: the image has no Wi-Fi name, so there will be no address
    failed: dict[str, str] = field(default_factory=dict)  # service -> why it did not start
    lines: list[str] = field(default_factory=list)

    @property
    def settled(self) -> bool:
        """Whether there is nothing more to wait for."""
        return self.ready and bool(self.address or not self.wifi)

    def read(self, text: str) -> None:
        """Read a line of the log."""
        self.lines.append(text)
        if match := _FAILED.search(text):
            self.failed[match[1]] = match[2]
        elif match := _JOINED.search(text):
            self.address = match[1]
        elif _READY.search(text):
            self.ready = True
        elif _NO_WIFI.search(text):
            self.wifi = False


def watch(
    device: str, port: Any = None, *, ready_s: float = READY_S, address_s: float = _ADDRESS_S
) -> Health:
    """Listen until the board is ready and has its address, or the time is over.

    ``port`` is the serial port if it is open already; it is closed.
    """
    health = Health()
    end = time.monotonic() + ready_s

    def over() -> bool:
        return health.settled or time.monotonic() > end

    for text in lines(device, over, port):
        was_ready = health.ready
        health.read(text)
        if health.ready and not was_ready:
            end = time.monotonic() + address_s
    return health


def lines(device: str, over: Callable[[], bool], port: Any = None) -> Iterator[str]:
    """The lines that the board prints until ``over()``; the port may disappear and return.

    ``port`` is the serial port if it is open already: what came since the last read is not lost.

    Raises ``UserError`` if the port never appeared.
    """
    missing: UserError | None = None
    opened = False
    partial = b""
    while not over():
        try:
            port = port or line.open_line(device)
        except UserError as error:
            missing = error
            time.sleep(_REOPEN_S)
            continue
        opened = True
        try:
            port.timeout = _READ_S
            while not over():
                partial += port.read(max(1, port.in_waiting))
                *whole, partial = partial.split(b"\n")
                for raw in whole:
                    yield as_sources(raw.decode(errors="replace").rstrip("\r"))
        except (OSError, serial.SerialException):
            time.sleep(_REOPEN_S)  # the board has been reset: its USB returns
        finally:
            port.close()
            port = None
    if missing and not opened:
        raise missing
