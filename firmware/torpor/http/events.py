"""Streams events to clients as server-sent events: ``GET /~events`` at the port of a service.

An image has this module if a service offers events and the board has no mailbox: docs/events.md.
"""

import asyncio

from micropython import const

from .. import Fault
from .response import _json, streamed
from .wire import unquote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, AsyncIterator, Callable

    from ..kernel import Kernel
    from .listener import Connection

_MOST = const(8)  # events that wait for one client; it gets the number of dropped ones
_BEAT_MS = const(15000)  # between comments, by which each side sees that the other is there

_offered: dict = {}  # listener -> the events that its service offers
_streams: "list[_Stream]" = []


class _Stream:
    """A client, with the events that wait for it."""

    def __init__(self, names: "Any") -> None:
        self.names = names
        self.unsent: list[bytes] = []
        self.dropped = 0
        self.ready = asyncio.Event()

    def add(self, data: bytes) -> None:
        if len(self.unsent) < _MOST:
            self.unsent.append(data)
        else:
            self.dropped += 1
        self.ready.set()

    def take(self) -> bytes:
        """Return the events that wait; do not wait for others."""
        data = b"".join(self.unsent)
        if self.dropped:
            data += b"event: ~dropped\ndata: %d\n\n" % self.dropped
        self.unsent = []
        self.dropped = 0
        self.ready.clear()
        return data


def offer(name: str, fields: "tuple[str, ...]") -> "Callable[[Any], None]":
    """Return a subscriber that streams the events of a class to the clients that want them.

    Args:
        name: The class.
        fields: The names of its fields.
    """

    def send(event):
        data = b""
        for stream in _streams:
            if name in stream.names:
                if not data:
                    text = _json(dict(zip(fields, event)))
                    data = b"event: %s\ndata: %s\n\n" % (name.encode(), text)
                stream.add(data)

    return send


async def _take(connection: "Connection", handler: tuple, unread: bytes) -> bytes:
    names = _chosen(connection.listener.name, connection.request.query or b"")
    return await streamed(connection, (0, lambda request: _events(names), "text/event-stream"), b"")


async def _events(names: "Any") -> "AsyncIterator[bytes]":
    """Yield the events with these names, without end."""
    stream = _Stream(names)
    _streams.append(stream)
    try:
        yield b":\n\n"
        while True:
            try:
                await asyncio.wait_for_ms(stream.ready.wait(), _BEAT_MS)
            except asyncio.TimeoutError:
                pass
            yield stream.take() or b":\n\n"
    finally:
        _streams.remove(stream)


def _chosen(service: str, query: bytes) -> "Any":
    """Return the events that a query asks for: ``name=A&name=B``, or all. Raises ``Fault``."""
    offered = _offered.get(service, ())
    if not offered:
        raise Fault(404, "%s offers no events" % service)
    names = [unquote(pair[5:], True) for pair in query.split(b"&") if pair[:5] == b"name="]
    for name in names:
        if name not in offered:
            raise Fault(404, "%s offers no event %s, but %s" % (service, name, ", ".join(offered)))
    return names or offered


def start(kernel: "Kernel") -> None:
    """Serve the events of the wiring on the listeners, which open later."""
    _offered.update(kernel.cluster.OFFERED)
    kernel.branches["~events"] = {"/GET": (_take,)}
