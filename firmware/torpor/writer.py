"""Writes frames to a socket that does not block, whole and in order, without waiting for it."""

import asyncio
from asyncio import core
from errno import ECONNRESET

from micropython import const

from . import clock

_MOST = const(65536)  # bytes that may wait for a board that does not read


class Pipe:
    """The sending end of a connection. ``owner`` has the ``stalled`` that the budget looks at."""

    def __init__(self, sock, owner) -> None:
        self._sock = sock
        self._owner = owner
        self._tail = b""

    def send(self, data: bytes) -> None:
        """Send ``data`` behind what is still to be sent. Raises ``OSError``."""
        if self._tail:
            if len(self._tail) + len(data) > _MOST:
                raise OSError(ECONNRESET)
            self._tail += data
            return
        n = self._sock.write(data) or 0
        if n < len(data):
            self._tail = data[n:]
            asyncio.create_task(self._drain())

    # async
    def _drain(self):
        try:
            while self._tail:
                self._owner.stalled = clock.ticks()
                yield core._io_queue.queue_write(self._sock)
                self._tail = self._tail[self._sock.write(self._tail) or 0 :]
        except OSError:
            pass  # whoever reads from the socket finds out
        self._owner.stalled = None
