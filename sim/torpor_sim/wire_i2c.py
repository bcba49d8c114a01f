"""Connects an I2C bus of the emulated board to devices that another process models.

The other process listens at a TCP port. Each message is one request and one answer:

- ``W``, address, count (2 bytes), data: write ``data``. Answer: 1 if it was acknowledged, else 0.
- ``R``, address, count (2 bytes): read. Answer: 1 and ``count`` bytes, or 0.
- ``S``, address, 0 (2 bytes): the bus is free again. Answer: 1.

The emulator's time stands still meanwhile, and the emulator asks byte by byte. So an address is
acknowledged before its data is seen: a device that refuses data is noticed at the end of a write.
"""

from __future__ import annotations

import socket
import struct

from rp2040py.peripherals.i2c import RPI2C, I2CMode

_AHEAD = 32  # bytes that are read at once: a device does not see where the board stops
_WALL_S = 60.0


class WiredI2C:
    """One bus of the chip: takes the place of its ``on_...`` functions."""

    def __init__(self, bus: RPI2C, address: tuple[str, int]) -> None:
        self._bus = bus
        self._line = socket.create_connection(address, _WALL_S)
        self._line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._device = 0
        self._written: bytearray | None = None  # None: the board reads
        self._unread = b""
        bus.on_start = self._start
        bus.on_connect = self._connect
        bus.on_write_byte = self._write_byte
        bus.on_read_byte = self._read_byte
        bus.on_stop = self._stop

    def _start(self, repeated: bool) -> None:
        self._send_written()
        self._bus.complete_start()

    def _connect(self, address: int, mode: I2CMode) -> None:
        self._device = address
        if mode == I2CMode.WRITE:
            self._written = bytearray()
            self._bus.complete_connect(self._request(b"W", b""))
        else:
            self._written = None
            self._bus.complete_connect(self._read_ahead())

    def _write_byte(self, value: int) -> None:
        assert self._written is not None
        self._written.append(value)
        self._bus.complete_write(True)

    def _read_byte(self, more: bool) -> None:
        if not self._unread:
            self._read_ahead()
        value, self._unread = (self._unread or b"\xff")[0], self._unread[1:]
        self._bus.complete_read(value)

    def _stop(self) -> None:
        self._send_written()
        self._request(b"S", b"")
        self._unread = b""
        self._bus.complete_stop()

    def _send_written(self) -> None:
        if self._written:
            self._request(b"W", bytes(self._written))
        self._written = None

    def _read_ahead(self) -> bool:
        acknowledged = self._request(b"R", b"", _AHEAD)
        self._unread = self._take(_AHEAD) if acknowledged else b""
        return acknowledged

    def _request(self, kind: bytes, data: bytes, count: int = 0) -> bool:
        head = struct.pack(">cBH", kind, self._device, count or len(data))
        self._line.sendall(head + data)
        return self._take(1) == b"\x01"

    def _take(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            part = self._line.recv(count - len(data))
            if not part:
                raise ConnectionError("the process with the devices has ended")
            data += part
        return data
