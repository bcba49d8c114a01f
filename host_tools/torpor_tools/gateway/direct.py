"""Passes requests to a board that is awake, over connections that are kept open between requests.

A general-purpose HTTP client would need more time for a request than the board does. This one does
the minimum: it sends the request in one write, and feeds the bytes of the response to llhttp.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import cast

import httptools

from .message import Header, end_to_end, request_head, response_problem
from .response import BrokeOffError

Address = tuple[str, int]

_CONNECT_S = 2.0
SILENT_S = 60.0
_IDLE_S = 5.0  # a board has few connections, so they are closed soon
_MOST_IDLE = 2  # of a board
_MOST_UNREAD = 65_536  # bytes of a body that the client has not taken
_AGAIN = ("GET", "HEAD")  # may be executed twice


class NotReachedError(Exception):
    """The board accepted no connection: it sleeps or has no power. It executed nothing."""


class Direct:
    """Keeps connections to boards and sends requests on them."""

    def __init__(self) -> None:
        self._idle: dict[Address, list[Connection]] = {}

    async def request(
        self, address: Address, verb: str, target: bytes, headers: Iterable[Header], body: bytes
    ) -> Answering:
        """Send a request. Returns the response when its head has come, or can no longer come.

        A board closes a kept connection when it needs the slot. It is then unknown whether it has
        executed the last request. So only a request that may be executed twice is sent on a kept
        connection. If the board has closed the connection, the request is sent once more, on a new
        one. If the board accepts no new connection, this returns the first response (status 0):
        through the mailbox, the board would get the request a third time.

        Raises:
            NotReachedError: The board accepts no connection, so the request was not sent.
        """
        passed = end_to_end(headers)
        if body:
            passed.append((b"content-length", b"%d" % len(body)))
        data = request_head(verb, target, passed) + body
        if verb in _AGAIN and (connection := self._kept(address)):
            answering = await _sent(connection, data, verb)
            if answering.status or not answering.closed_silently:
                return answering
            try:
                connection = await self._open(address)
            except NotReachedError:
                return answering
            return await _sent(connection, data, verb)
        return await _sent(await self._open(address), data, verb)

    def _kept(self, address: Address) -> Connection | None:
        """Return an open connection without a request, or None."""
        idle = self._idle.get(address)
        while idle:
            connection = idle.pop()
            if connection.is_open:
                return connection
        return None

    async def _open(self, address: Address) -> Connection:
        idle = self._idle.setdefault(address, [])
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_CONNECT_S):
                _, connection = await loop.create_connection(
                    lambda: Connection(loop, idle), address[0], address[1]
                )
        except (OSError, TimeoutError) as error:
            raise NotReachedError(str(error) or "no answer") from None
        return connection

    async def aclose(self) -> None:
        for idle in self._idle.values():
            while idle:
                idle.pop().close()


async def _sent(connection: Connection, data: bytes, verb: str) -> Answering:
    answering = connection.send(data, verb)
    try:
        await answering.begun()
    except BaseException:
        connection.close()
        raise
    if not answering.status:
        connection.close()
    return answering


class Answering:
    """A response that is being received.

    Attributes:
        status: The HTTP status; 0 until the head has come.
        headers: The headers for the client, names in lower case.
        body: Bytes that have come and were not read yet.
        whole: Whether the body is complete.
        error: Why the response ended early, or empty.
        closed_silently: Whether the connection ended before the first byte.
    """

    def __init__(self, connection: Connection, verb: str) -> None:
        self.status = 0
        self.headers: list[Header] = []
        self.whole = False
        self.error = ""
        self.closed_silently = False
        self.body = b""
        self.no_body = verb == "HEAD"
        self._connection = connection
        self._waiter: asyncio.Future[None] | None = None

    async def begun(self) -> None:
        """Wait until the head has come or the connection has ended."""
        while not self.status and not self.error:
            await self._wait()

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the rest of the body.

        Raises:
            BrokeOffError: The board closed the connection too early, or was silent for too long.
        """
        while True:
            piece, self.body = self.body, b""
            if piece:
                self._connection.pause(False)
                yield piece
            elif self.whole:
                return
            elif self.error:
                raise BrokeOffError(f"the board broke off its response: {self.error}")
            else:
                await self._wait()

    def done(self) -> None:
        """Close the connection unless the response is complete."""
        if not self.whole:
            self._connection.close()

    async def _wait(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        timer = asyncio.get_running_loop().call_later(
            SILENT_S, self.end, "it was silent for too long"
        )
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
    """A connection to a board; after a complete response it goes back to ``idle``."""

    def __init__(self, loop: asyncio.AbstractEventLoop, idle: list[Connection]) -> None:
        self.is_open = True
        self._loop = loop
        self._idle = idle
        self._transport: asyncio.Transport
        self._parser: httptools.HttpResponseParser
        self._answer: Answering | None = None
        self._headers: list[Header] = []
        self._has_end = True  # whether the response states where it ends
        self._problem = ""  # why the response is refused
        self._received = False
        self._looks = False
        self._rested = 0.0

    def send(self, data: bytes, verb: str) -> Answering:
        """Send a request."""
        self._transport.write(data)
        self._answer = Answering(self, verb)
        self._parser = httptools.HttpResponseParser(self)
        self._problem = ""
        self._received = False
        return self._answer

    def pause(self, stop: bool) -> None:
        """Stop reading the response, or continue."""
        if self._transport.is_closing():
            return
        if stop:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _rest(self) -> None:
        """Keep the connection for the next request."""
        if len(self._idle) >= _MOST_IDLE:
            self.close()
            return
        self._idle.append(self)
        self._rested = self._loop.time()
        if not self._looks:
            self._looks = True
            self._loop.call_later(_IDLE_S, self._look)

    def _look(self) -> None:
        """Close the connection if it has been idle too long. One timer serves all requests."""
        left = self._rested + _IDLE_S - self._loop.time()
        if left > 0 and self.is_open:
            self._loop.call_later(left, self._look)
            return
        self._looks = False
        if self in self._idle:
            self.close()

    def close(self) -> None:
        self.is_open = False
        if self in self._idle:
            self._idle.remove(self)
        self._transport.close()

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        answer = self._answer
        if answer is None:
            self.close()  # a response without a request: the next client must not get it
            return
        self._received = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._lose("it switches protocols")
        except httptools.HttpParserError as error:
            if self._answer:
                self._lose(self._problem or str(error))
            else:  # more bytes follow a complete response, so its end is not reliable
                answer.whole = False
                answer.body = b""
                answer.end(self._problem or str(error))
                self.close()
        if len(answer.body) > _MOST_UNREAD:
            self.pause(True)
        answer.wake()

    def connection_lost(self, error: Exception | None) -> None:
        self._lose(str(error) if error else "connection closed")

    def _lose(self, why: str) -> None:
        if answer := self._answer:
            self._answer = None
            answer.closed_silently = not self._received
            # Without a length a response ends with its connection.
            answer.whole = answer.whole or (bool(answer.status) and not self._has_end)
            answer.end(why)
        self.close()

    # What the parser calls

    def on_message_begin(self) -> None:
        self._headers = []
        if self._answer is None:
            self._problem = "it sends two responses to one request"
            raise BrokeOffError(self._problem)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        answer = self._answer
        status = self._parser.get_status_code()
        if answer is None or status < 200:
            return
        self._problem = response_problem(self._headers)
        if self._problem:
            raise BrokeOffError(self._problem)
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
            self._rest()
        else:
            self.close()
