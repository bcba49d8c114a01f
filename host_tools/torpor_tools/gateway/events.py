"""Sends the events that boards publish at the broker to clients as server-sent events.

A client that reads more slowly than events come misses some, and its stream reports how many.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Collection, Sequence
from dataclasses import dataclass, field

MOST = 64  # events that wait for one client
BEAT_S = 15.0  # between keep-alives, by which both sides see that the other is there
TYPE = b"text/event-stream"
ALIVE = b":\n\n"


@dataclass(eq=False)
class _Stream:
    names: Collection[str]
    unsent: deque[bytes] = field(default_factory=deque)
    dropped: int = 0
    ready: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, data: bytes) -> None:
        if len(self.unsent) < MOST:
            self.unsent.append(data)
        else:
            self.dropped += 1
        self.ready.set()

    def take(self) -> bytes:
        """Return the events that have come, without waiting."""
        pieces = [*self.unsent]
        if self.dropped:
            pieces.append(message("~dropped", b"%d" % self.dropped))
        self.unsent.clear()
        self.dropped = 0
        self.ready.clear()
        return b"".join(pieces)


class Events:
    """The clients that listen to events."""

    def __init__(self) -> None:
        self._streams: list[_Stream] = []

    @property
    def count(self) -> int:
        """The number of clients."""
        return len(self._streams)

    def receive(self, name: str, payload: bytes) -> None:
        """Pass an event from the broker on. ``payload`` is JSON on one line."""
        for stream in self._streams:
            if name in stream.names:
                stream.add(message(name, payload))

    async def stream(self, names: Sequence[str]) -> AsyncGenerator[bytes, None]:
        """Yield the events with these names as they come. Never ends by itself."""
        stream = _Stream(names)
        self._streams.append(stream)
        try:
            yield ALIVE
            while True:
                try:
                    async with asyncio.timeout(BEAT_S):
                        await stream.ready.wait()
                except TimeoutError:
                    yield ALIVE
                else:
                    yield stream.take()
        finally:
            self._streams.remove(stream)


def message(name: str, data: bytes) -> bytes:
    """Return a server-sent event; a line break would end its data."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), b" ".join(data.split(b"\n")))
