"""Looks up addresses, and connects, reads and writes sockets that do not block."""

import asyncio
import socket
from errno import ECONNRESET, EINPROGRESS

from micropython import const

from . import clock, loop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Generator


_MAX_UNSENT = const(65536)  # bytes that may wait for a board that does not read
_SHARE = const(16)
_STARTING_MS = const(60000)
_RESTART_MS = const(10000)  # a board that restarts comes back at the same address

# (host, port) -> [address or None, whether to look it up, not before (uptime)]; made when needed
_known: "dict | None" = None


def look_up(host: str, port: int) -> "Any":
    """Return the address to connect to; the last known one if the name cannot be looked up.

    ``socket.getaddrinfo`` blocks the whole board until the answer comes: 5 to 7 s if there is none
    (``local_ms`` and ``dns_ms`` of ``boards/ports/*.toml``). So an address is remembered, and a
    look-up that has failed is repeated only after 16 times the time that it took. A board that has
    just started repeats it sooner: others may be starting as well.

    Raises:
        OSError: The look-up fails, or has failed a short time ago.
    """
    global _known
    if _known is None:
        _known = {}
    entry = _known.get((host, port))
    if entry is None:
        entry = _known[host, port] = [None, True, 0]
    if entry[1] and clock.uptime_ms() >= entry[2]:
        _ask_dns(entry, host, port)
    if entry[0] is None:
        raise OSError("%s is not found; it will be looked up again" % host)
    return entry[0]


def note_unreachable(host: str, port: int) -> None:
    """Note that nothing responds at an address that ``look_up`` returned: it may have changed."""
    entry = _known and _known.get((host, port))
    if entry and not entry[1]:
        entry[1] = True
        entry[2] = clock.uptime_ms() + _RESTART_MS


def _ask_dns(entry: list, host: str, port: int) -> None:
    since = clock.ticks()
    try:
        entry[0] = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)[0][-1]
        entry[1] = False
    except OSError:
        took = clock.since(since)
        up = clock.uptime_ms()
        entry[2] = up + (took if up < _STARTING_MS else took * _SHARE)


# async
def connect_to(sock: "socket.socket", address: "Any") -> "Generator":
    """Connect ``sock``, make it non-blocking, and return when it can be used.

    Raises:
        OSError: The connection was refused. One that fails later fails at the first write or read.
    """
    sock.setblocking(False)
    try:
        sock.connect(address)
    except OSError as e:
        if e.errno != EINPROGRESS:
            raise
    yield loop.queue_write(sock)


# async
def read(sock: "socket.socket", buffer: "Any") -> "Generator[Any, Any, int]":
    """Read the bytes that have arrived into ``buffer``; wait if there are none.

    Returns:
        The number of bytes, at least one.

    Raises:
        OSError: The connection has ended.
    """
    while True:
        n = sock.readinto(buffer)
        if n:
            return n
        if n == 0:
            raise OSError("connection closed")
        yield loop.queue_read(sock)


# async
def drain(sock: "socket.socket", data: "Any", n: int | None, owner: "Any") -> "Generator":
    """Write ``data`` from its byte ``n`` on (None: 0), which the socket did not accept at once.

    Meanwhile ``owner.stalled`` is the time in ticks since which the other side has accepted
    nothing: the budget closes a connection that stalls for too long. Raises ``OSError``.
    """
    view = memoryview(data)
    n = n or 0
    while n < len(data):
        owner.stalled = clock.ticks()
        yield loop.queue_write(sock)
        n += sock.write(view[n:]) or 0
    owner.stalled = None


class FrameWriter:
    """Writes frames to a socket, whole and in order, without waiting for it.

    Args:
        sock: The socket, connected.
        owner: The connection, whose ``stalled`` is set as in ``drain``.
    """

    def __init__(self, sock: "socket.socket", owner: "Any") -> None:
        self._sock = sock
        self._owner = owner
        self._unsent: bytes | None = None  # the bytes that wait for the frame being written

    def send(self, data: bytes) -> None:
        """Send ``data`` after everything that was given before. Raises ``OSError``."""
        if self._unsent is None:
            n = self._sock.write(data) or 0
            if n < len(data):
                self._unsent = b""
                asyncio.create_task(self._write(data, n))
        elif len(self._unsent) + len(data) > _MAX_UNSENT:
            raise OSError(ECONNRESET)
        else:
            self._unsent += data

    async def _write(self, data, n) -> None:
        try:
            while data:
                await drain(self._sock, data, n, self._owner)
                data, self._unsent = self._unsent, b""
                n = 0
        except OSError:
            pass  # the task that reads from the socket finds out
        self._unsent = self._owner.stalled = None
