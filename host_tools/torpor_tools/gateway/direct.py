"""Passes requests to a board that is awake.

A general HTTP client takes longer for a request than a board does, so this is the least that can
pass one on: a kept connection, the request in one write, the answer's bytes through a parser.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Protocol, cast

import httptools

from .message import Header, end_to_end, request_head

Address = tuple[str, int]

_CONNECT_S = 2.0
SILENT_S = 60.0
_IDLE_S = 5.0  # a board has few connections, so they are given back soon
_MOST_IDLE = 2  # of a board


class NotReachedError(Exception):
    """The board took no connection: it sleeps, or is gone. Nothing was executed."""


class BrokeOffError(Exception):
    """The connection ended in the midst of an answer."""


class Relay(Protocol):
    """Gets an answer as it comes."""

    def answered(self, data: bytes) -> None: ...

    def lost(self) -> None: ...


class Direct:
    """Connections to boards."""

    def __init__(self) -> None:
        self._idle: dict[Address, list[Connection]] = {}

    def kept(self, address: Address) -> Connection | None:
        """A connection that is open and has nothing to do."""
        idle = self._idle.get(address)
        while idle:
            connection = idle.pop()
            if connection.is_open:
                return connection
        return None

    async def request(
        self, address: Address, verb: str, target: bytes, headers: Iterable[Header], body: bytes
    ) -> Answering:
        """Send a request; the answer, as soon as its head has come, or that it will not come.

        Raises ``NotReachedError``.
        """
        passed = end_to_end(headers)
        if body:
            passed.append((b"content-length", b"%d" % len(body)))
        data = request_head(verb, target, passed) + body
        # A board closes a kept connection when it needs the place. Whether it had executed what was
        # sent on it cannot be known, so only what may run twice goes on a connection that was kept.
        again = verb in ("GET", "HEAD")
        while True:
            connection, kept = await self._connection(address, again)
            answering = connection.send(data, verb)
            await answering.begun()
            if answering.status:
                return answering
            connection.close()
            if not (kept and answering.closed_silently):
                return answering

    async def _connection(self, address: Address, kept: bool) -> tuple[Connection, bool]:
        if kept and (found := self.kept(address)):
            return found, True
        idle = self._idle.setdefault(address, [])
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_CONNECT_S):
                _, made = await loop.create_connection(
                    lambda: Connection(loop, idle), address[0], address[1]
                )
        except (OSError, TimeoutError) as error:
            raise NotReachedError(str(error) or "no answer") from None
        return made, False

    async def aclose(self) -> None:
        for idle in self._idle.values():
            while idle:
                idle.pop().close()


class Answering:
    """An answer that is coming: ``status`` (0: the connection ended before), ``headers``, body."""

    def __init__(self, connection: Connection, verb: str) -> None:
        self.status = 0
        self.headers: list[Header] = []
        self.whole = False
        self.error = ""
        self.closed_silently = False
        self.body = b""  # what has come and was not taken
        self.no_body = verb == "HEAD"
        self._connection = connection
        self._waiter: asyncio.Future[None] | None = None

    async def begun(self) -> None:
        """Wait for the head, or the end of the connection."""
        while not self.status and not self.error:
            await self._wait()

    async def pieces(self) -> AsyncIterator[bytes]:
        """The rest of the body. Raises ``BrokeOffError``."""
        while True:
            piece, self.body = self.body, b""
            if piece:
                yield piece
            elif self.whole:
                return
            elif self.error:
                raise BrokeOffError(self.error)
            else:
                await self._wait()

    def done(self) -> None:
        """Nobody wants more of it."""
        if not self.whole:
            self._connection.close()

    async def _wait(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        timer = asyncio.get_running_loop().call_later(SILENT_S, self.end, "it says nothing")
        try:
            await self._waiter
        finally:
            timer.cancel()
            self._waiter = None

    def end(self, error: str) -> None:
        self.error = self.error or error
        self.wake()

    def wake(self) -> None:
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(None)


class Connection(asyncio.Protocol):
    """A connection to a board; when an answer is whole it goes back to ``idle``."""

    def __init__(self, loop: asyncio.AbstractEventLoop, idle: list[Connection]) -> None:
        self.is_open = True
        self._loop = loop
        self._idle = idle
        self._transport: asyncio.Transport
        self._parser: httptools.HttpResponseParser
        self._answer: Answering | None = None
        self._relay: Relay | None = None
        self._heard = False
        self._looks = False
        self._rested = 0.0

    def send(self, data: bytes, verb: str) -> Answering:
        """Send a request."""
        self._transport.write(data)
        return self.answers(verb)

    def answers(self, verb: str) -> Answering:
        """The answer of a request that was sent."""
        self._relay = None
        self._answer = Answering(self, verb)
        self._parser = httptools.HttpResponseParser(self)
        self._heard = False
        return self._answer

    def relay(self, data: bytes, relay: Relay) -> None:
        """Send a request whose answer is told to ``relay``."""
        self._relay = relay
        self._transport.write(data)

    def pause(self, stop: bool) -> None:
        """Take no more of the answer for now, or again."""
        if stop:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def rest(self) -> None:
        """The answer is whole: keep the connection for the next request."""
        self._relay = None
        if len(self._idle) >= _MOST_IDLE:
            self.close()
            return
        self._idle.append(self)
        self._rested = self._loop.time()
        if not self._looks:
            self._looks = True
            self._loop.call_later(_IDLE_S, self._look)

    def _look(self) -> None:
        """Close the connection if it was not used for long. One timer serves all requests."""
        left = self._rested + _IDLE_S - self._loop.time()
        if left > 0 and self.is_open:
            self._loop.call_later(left, self._look)
            return
        self._looks = False
        if self in self._idle:
            self._idle.remove(self)
            self.close()

    def close(self) -> None:
        self.is_open = False
        self._relay = None
        self._transport.close()

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is of a class of its own

    def data_received(self, data: bytes) -> None:
        if self._relay:
            self._relay.answered(data)
            return
        self._heard = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._lose(str(error))
        if self._answer:
            self._answer.wake()

    def connection_lost(self, error: Exception | None) -> None:
        self._lose(str(error) if error else "connection closed")

    def _lose(self, why: str) -> None:
        self.is_open = False
        if self in self._idle:
            self._idle.remove(self)
        if relay := self._relay:
            self._relay = None
            relay.lost()
        if answer := self._answer:
            self._answer = None
            answer.closed_silently = not self._heard
            # Without a length an answer ends with its connection.
            answer.whole = answer.whole or (bool(answer.status) and not self._has_end)
            answer.end(why)
        self._transport.close()

    # What the parser calls

    _has_end = True
    _headers: list[Header]

    def on_message_begin(self) -> None:
        self._headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        answer = self._answer
        status = self._parser.get_status_code()
        if answer is None or status < 200:
            return
        names = [name for name, _ in self._headers]
        self._has_end = b"content-length" in names or b"transfer-encoding" in names
        lengths = [h for h in self._headers if h[0] == b"content-length"]
        answer.headers = [*end_to_end(self._headers), *lengths]
        answer.status = status
        if answer.no_body:
            self._finish()

    def on_body(self, body: bytes) -> None:
        if self._answer:
            self._answer.body += body

    def on_message_complete(self) -> None:
        if self._answer and self._answer.status:
            self._finish()

    def _finish(self) -> None:
        assert self._answer
        self._answer.whole = True
        self._answer.wake()
        self._answer = None
        if self._parser.should_keep_alive():
            self.rest()
        else:
            self.close()
