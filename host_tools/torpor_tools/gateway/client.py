"""A client's connection: HTTP/1.1 requests in, responses out, one after the other.

llhttp parses. It is strict about where a request ends (RFC 9112, 6.3), and ``_problem`` checks
the rest: if the gateway and a proxy in front of it disagreed about that, a client could slip in
a request that the proxy has not seen.
"""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import struct
from collections import deque
from collections.abc import Awaitable, Callable, MutableSet
from dataclasses import dataclass, replace
from typing import cast

import httptools

from .message import Header
from .response import BrokeOffError, RefusedError, Response

_log = logging.getLogger("torpor.gateway")

MOST_BODY = 1 << 20  # bytes that are sent directly to a board
_MOST_HEAD = 65_536  # bytes
_MOST_WAITING = 16  # requests that a client sends before it has the responses
_IDLE_S = 5.0  # after which a connection without a request is closed
_SLOW_S = 30.0  # after which one with an unfinished request is closed
_AGAIN_S = 0.05
_LINGER_S = 2.0  # a closed connection; a reset would destroy the response that is being sent

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close with a reset

_ABSOLUTE = re.compile(rb"https?://([^/?]*)(/?)(.*)", re.IGNORECASE)
_HOST = re.compile(rb"([\w.~!$&'()*+,;=%-]*|\[[0-9A-Fa-f:.]+\])(:[0-9]*)?")


@dataclass(frozen=True)
class Request:
    """A complete request. Names of headers are in lower case; ``port`` is the gateway's port."""

    verb: str
    target: bytes
    headers: list[Header]
    port: int
    version: str = "1.1"
    keeps: bool = True  # the client wants to keep the connection
    body: bytes = b""

    @property
    def path(self) -> bytes:
        return self.target.partition(b"?")[0]

    def header(self, name: bytes) -> bytes | None:
        """The value of the first header of that name."""
        return next((value for known, value in self.headers if known == name), None)


Handle = Callable[[Request, Response], Awaitable[None]]


class ClientConnection(asyncio.Protocol):
    """A client's connection.

    Args:
        handle: ``handle(request, response)`` answers a request. It is cancelled when the client
            hangs up.
        clients: The set of all open connections.
        idle_s: After how many seconds a connection without a request is closed.
        slow_s: After how many seconds a connection with an unfinished request is closed.
    """

    def __init__(
        self,
        handle: Handle,
        clients: MutableSet[ClientConnection],
        idle_s: float = _IDLE_S,
        slow_s: float = _SLOW_S,
    ) -> None:
        self._handle = handle
        self._clients = clients
        self._idle_s = idle_s
        self._slow_s = slow_s
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._port = 0
        self._task: asyncio.Task[None] | None = None
        self._waiting: deque[Request | RefusedError] = deque()
        self._ends = False  # whether it reads no more requests
        self._writable: asyncio.Future[None] | None = None
        self._heard_at = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None
        # The request that is being received.
        self._parser = httptools.HttpRequestParser(self)
        self._head: Request | None = None
        self._problem: RefusedError | None = None
        self._received = 0  # bytes of its head; then of its body, including the framing
        self._target = b""
        self._headers: list[Header] = []
        self._body = bytearray()
        self._wants_100 = False

    def finish(self) -> None:
        """Close the connection as soon as the current response has been sent."""
        self._ends = True
        self._waiting.clear()
        if self._task is None:
            self._transport.close()

    def cancel(self) -> None:
        """Close the connection immediately."""
        self._transport.abort()

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._port = transport.get_extra_info("sockname")[1]
        self._clients.add(self)
        self._timer = self._loop.call_later(self._idle_s, self._look)

    def connection_lost(self, error: Exception | None) -> None:
        self._clients.discard(self)
        self._ends = True
        self._waiting.clear()
        if self._timer:
            self._timer.cancel()
        self.resume_writing()
        self._cancel_task()

    def _cancel_task(self) -> None:
        """Cancel the request, repeatedly: Python 3.11's ``wait_for`` can swallow a cancellation."""
        if self._task and not self._task.done():
            self._task.cancel()
            self._loop.call_later(_AGAIN_S, self._cancel_task)

    def data_received(self, data: bytes) -> None:
        self._heard_at = self._loop.time()
        if self._ends:
            return
        self._received += len(data)
        self._feed(data)
        if self._head is None and self._received > _MOST_HEAD:
            self._refuse(RefusedError(431, f"the head may have at most {_MOST_HEAD} bytes"))
        elif self._received > 2 * MOST_BODY:  # chunk extensions, or trailers
            self._refuse(_too_large())

    def _feed(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            # We stay with HTTP/1.1 (RFC 9110, 7.8). Such a request has no body here.
            self._parser = httptools.HttpRequestParser(self)
            if unread := data[upgrade.args[0] :]:
                self._received = len(unread)
                self._feed(unread)
        except httptools.HttpParserError as error:
            self._refuse(self._problem or RefusedError(400, f"not a valid request: {error}"))

    def _refuse(self, refusal: RefusedError) -> None:
        """Answer with ``refusal`` when it is this request's turn, and read nothing more."""
        if not self._ends:
            self._ends = True
            self._waiting.append(refusal)
            self._work()

    def pause_writing(self) -> None:
        if self._writable is None:
            self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        if self._writable and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    async def write(self, data: bytes) -> None:
        """Send ``data``; wait while the client does not read."""
        self._transport.write(data)
        if self._writable:
            await self._writable

    # What the parser calls

    def on_message_begin(self) -> None:
        self._target = b""
        self._headers = []
        self._body = bytearray()

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._head is None:  # a trailer must not become a header (RFC 9110, 6.5.1)
            self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        version = self._parser.get_http_version()
        keeps = version == "1.1" and self._parser.should_keep_alive()
        head = Request("", self._target, self._headers, self._port, version, keeps)
        head = _origin_form(replace(head, verb=self._parser.get_method().decode()))
        self._problem = _problem(head, self._parser.should_upgrade())
        if self._problem:
            raise self._problem
        self._head = head
        self._received = 0
        self._wants_100 = head.header(b"expect") is not None and version == "1.1"
        self._say_go_on()

    def _say_go_on(self) -> None:
        """Send 100 Continue, after the responses to the requests before."""
        if self._head and self._wants_100 and self._task is None:
            self._wants_100 = False
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._wants_100 = False
        self._body += body
        if len(self._body) > MOST_BODY:
            self._problem = _too_large()
            raise self._problem

    def on_message_complete(self) -> None:
        if self._head is None:
            return
        request, self._head = replace(self._head, body=bytes(self._body)), None
        self._received = 0
        self._waiting.append(request)
        if len(self._waiting) > _MOST_WAITING:
            self._transport.pause_reading()
        self._work()

    # The responses

    def _work(self) -> None:
        if self._task is None:
            self._task = self._loop.create_task(self._answer_all())

    async def _answer_all(self) -> None:
        keeps = True
        while self._waiting and keeps:
            keeps = await self._answer(self._waiting.popleft())
            if not self._transport.is_closing():
                self._transport.resume_reading()
        self._heard_at = self._loop.time()
        self._task = None
        if keeps and not self._ends:
            self._say_go_on()
        elif not self._transport.is_closing():
            self._ends = True
            self._transport.write_eof()
            self._loop.call_later(_LINGER_S, self._transport.close)

    async def _answer(self, request: Request | RefusedError) -> bool:
        """Answer a request. Returns whether another one may follow."""
        if isinstance(request, RefusedError):
            response = Response(self.write, "GET", "1.1", keeps=False)
            await response.refuse(request)
            return False
        response = Response(self.write, request.verb, request.version, request.keeps)
        try:
            await self._handle(request, response)
        except RefusedError as refusal:
            await response.refuse(refusal)
        except BrokeOffError as error:
            _log.warning("%s %s: %s", request.verb, request.target.decode("latin-1"), error)
            response.keeps = False
            self._cut(response)
        except Exception:
            _log.exception("%s %s failed", request.verb, request.target.decode("latin-1"))
            response.keeps = False
            if response.has_begun:
                self._cut(response)
            else:
                await response.refuse(RefusedError(500, "the gateway failed; see its log"))
        return response.keeps

    def _cut(self, response: Response) -> None:
        """Close the connection so that the client cannot mistake this for the end of the body."""
        if response.ends_with_connection:
            sock = self._transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self._transport.abort()
        else:
            self._transport.close()

    # Time

    def _look(self) -> None:
        """Close the connection if it was not used for long. One timer serves all requests."""
        limit = self._slow_s if self._head or self._received else self._idle_s
        left = self._heard_at + limit - self._loop.time()
        if self._task is None and left <= 0:
            self._transport.close()
        else:
            self._timer = self._loop.call_later(max(left, 1), self._look)


def _origin_form(request: Request) -> Request:
    """The request with a target that begins with the path; the host in it replaces ``Host``."""
    match = _ABSOLUTE.fullmatch(request.target)
    if match is None:
        return request
    host, _, target = match.groups()
    if not host:
        return request  # RFC 9110, 4.2.1: such a target is not valid
    headers = [header for header in request.headers if header[0] != b"host"]
    return replace(request, target=b"/" + target, headers=[(b"host", host), *headers])


def _problem(request: Request, upgrades: bool) -> RefusedError | None:
    """Return the reason to refuse a request with this head, or None."""
    if request.version not in ("1.0", "1.1"):
        return RefusedError(505, "the gateway speaks HTTP/1.1")
    hosts = [value for name, value in request.headers if name == b"host"]
    if len(hosts) > 1 or (not hosts and request.version == "1.1"):
        return RefusedError(400, "a request has one header Host")
    if hosts and not _HOST.fullmatch(hosts[0]):
        return RefusedError(400, "Host is not a valid name or address")
    is_options = request.verb == "OPTIONS" and request.target == b"*"
    if not (request.target.startswith(b"/") or is_options) or b"#" in request.target:
        return RefusedError(400, "not a valid request target")
    length = request.header(b"content-length")
    codings = [value.lower() for name, value in request.headers if name == b"transfer-encoding"]
    if codings and request.version == "1.0":
        return RefusedError(400, "HTTP/1.0 has no Transfer-Encoding")
    if codings and length is not None:
        return RefusedError(400, "Content-Length and Transfer-Encoding exclude each other")
    if codings and codings != [b"chunked"]:
        return RefusedError(501, "the gateway supports only Transfer-Encoding: chunked")
    if upgrades and (codings or length):
        return RefusedError(400, "the gateway accepts no body in a request with Upgrade")
    if request.header(b"expect") not in (None, b"100-continue"):
        return RefusedError(417, "the gateway supports only Expect: 100-continue")
    if length and int(length) > MOST_BODY:
        return _too_large()
    return None


def _too_large() -> RefusedError:
    return RefusedError(413, f"the body may have at most {MOST_BODY} bytes")
