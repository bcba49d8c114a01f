"""The usual request to a board that is awake, passed on with as little work as can be.

A board in the next room answers within a few milliseconds, and a simulated one in 30 µs; a task, a
scope and two heads written anew take longer than that. So what a browser or a script asks again and
again, a GET on a kept connection to a board that has one to us, goes from one socket to the other
in two callbacks, and what its head says is read once. Everything else takes the ordinary way
through uvicorn and ``app``, on the same connection, and so does an answer that is not usual.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from . import message
from .direct import SILENT_S
from .message import Header

if TYPE_CHECKING:
    from .app import App
    from .direct import Answering, Connection

_MOST = 4096  # bytes of a head that is remembered
_MOST_LATER = 65_536  # bytes of requests that were sent before the answer came
_NOT_USUAL = {b"prefer", b"idempotency-key", b"expect", b"content-length", b"transfer-encoding"}


@dataclass(frozen=True)
class Usual:
    """A GET without a body and without wishes: what the board gets, and which boards it names."""

    data: bytes
    named: frozenset[str]


@dataclass(frozen=True)
class Head:
    """The head of an answer, as the client gets it, and the bytes of the body behind it."""

    data: bytes
    length: int


class Shortcut(HttpToolsProtocol):
    """A client's connection."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._app: App = self.config.app  # type: ignore[assignment]
        self._midst = False  # of a request that takes the ordinary way
        self._connection: Connection | None = None  # to the board that is answering
        self._data = b""  # the request that it answers
        self._left = 0  # bytes of the answer still to come; 0: none has come
        self._later = b""
        self._used = 0.0
        self._is_full = False  # the client does not read what we send
        self._ends = False

    # From the client

    def data_received(self, data: bytes) -> None:
        if self._connection:
            self._later += data
            if len(self._later) > _MOST_LATER:
                self.transport.pause_reading()
        elif not (self._is_free and self._shortcut(data)):
            super().data_received(data)

    @property
    def _is_free(self) -> bool:
        """Whether the ordinary way has nothing more to do, and the client takes what comes."""
        done = self.cycle is None or self.cycle.response_complete
        return done and not self._midst and not self._is_full

    def _shortcut(self, data: bytes) -> bool:
        request = usual(data) if len(data) <= _MOST else None
        if request is None:
            return False
        assert self.server
        connection = self._app.kept(self.server[1] or 0, request.named)
        if connection is None:
            return False
        self._connection = connection
        self._data = data
        self._left = 0
        self._used = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._look_later(self.timeout_keep_alive)
        connection.relay(request.data, self)
        return True

    def on_message_begin(self) -> None:
        self._midst = True
        super().on_message_begin()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._midst = self.parser.should_upgrade()  # what comes then is no request

    def connection_lost(self, exc: Exception | None) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None
        super().connection_lost(exc)

    # From the board

    def answered(self, data: bytes) -> None:
        """The board has sent ``data``."""
        assert self._connection
        if not self._left:
            end = data.find(b"\r\n\r\n") + 4
            head = answer_head(data[:end]) if 4 < end <= _MOST else None
            if head is None:
                self._go_on(data)
                return
            data = head.data + data[end:]
            self._left = len(head.data) + head.length
        self._left -= len(data)
        if self._left < 0:  # more than it said: what is more is no answer to anything
            self._left = 0
            self._connection.close()
            self.transport.close()
            return
        self.transport.write(data)
        if self._left:
            self._used = self.loop.time()
            return
        if self._is_full:
            self._connection.pause(False)
        self._connection.rest()
        self._connection = None
        if self._ends:
            self.transport.close()
        elif self._later:
            self._go_through()

    def _go_through(self) -> None:
        """See to what has come meanwhile."""
        later, self._later = self._later, b""
        self.transport.resume_reading()
        self.data_received(later)

    def lost(self) -> None:
        """The connection to the board has ended."""
        if self._left:
            self._connection = None
            self.transport.close()
        elif not self.transport.is_closing():
            # Nothing has come: it was closed as the request was sent, and a GET may run twice.
            self._connection = None
            self._ordinary()

    def _go_on(self, data: bytes, error: str = "") -> None:
        """Let the ordinary way pass on the answer that begins with ``data``, or did not come."""
        assert self._connection
        connection, self._connection = self._connection, None
        answering = connection.answers("GET")
        if error:
            answering.end(error)
        else:
            connection.data_received(data)
        self._ordinary(answering)

    def _ordinary(self, answering: Answering | None = None) -> None:
        """Take the request that was sent the ordinary way; ``app`` gets what answers it."""
        state = self.app_state
        self.app_state = {**state, "answering": answering}
        super().data_received(self._data)
        self.app_state = state
        if self._ends:
            super().shutdown()
        if self._later:
            self._go_through()

    # Time, and pressure

    def _look_later(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(
            seconds, self.timeout_keep_alive_handler
        )

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection if it was not used for long; else look again later.

        There is one timer for all requests that take the shortcut.
        """
        idle = self.loop.time() - self._used
        if self._connection and idle > SILENT_S:
            self._look_later(self.timeout_keep_alive)
            self._connection_is_silent()
        elif self._connection or idle < self.timeout_keep_alive:
            self._look_later(max(self.timeout_keep_alive - idle, 1))
        else:
            super().timeout_keep_alive_handler()

    def _connection_is_silent(self) -> None:
        assert self._connection
        if self._left:
            self._connection.close()
            self.transport.close()
        else:
            self._go_on(b"", "it says nothing")

    def pause_writing(self) -> None:
        super().pause_writing()
        self._is_full = True
        if self._connection:
            self._connection.pause(True)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._is_full = False
        if self._connection:
            self._connection.pause(False)

    def shutdown(self) -> None:
        self._ends = True
        if not self._connection:
            super().shutdown()


class _Heard:
    """What httptools tells of the message in ``data``.

    Raises ``httptools.HttpParserError``, or ``HttpParserUpgrade``.
    """

    def __init__(self, kind: Callable[[_Heard], Any], data: bytes) -> None:
        self.target = b""
        self.headers: list[Header] = []
        self.begun = 0
        self.keeps = False
        self.is_whole = False
        self.parser = kind(self)
        self.parser.feed_data(data)

    def on_message_begin(self) -> None:
        self.begun += 1

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self.keeps = self.parser.should_keep_alive()  # it is forgotten when the message is whole

    def on_message_complete(self) -> None:
        self.is_whole = True


@lru_cache(maxsize=256)
def usual(data: bytes) -> Usual | None:
    """The request in ``data``, if that is one usual request and no more."""
    try:
        heard = _Heard(httptools.HttpRequestParser, data)
    except (httptools.HttpParserError, httptools.HttpParserUpgrade):
        return None
    names = {name for name, _ in heard.headers}
    if not (
        heard.is_whole
        and heard.begun == 1
        and heard.parser.get_method() == b"GET"
        and heard.parser.get_http_version() == "1.1"
        and heard.keeps
        and heard.target.startswith(b"/")
        and not heard.target.startswith((b"/~", b"/openapi.json"))
        and names.isdisjoint(_NOT_USUAL)
    ):
        return None
    head = message.request_head("GET", heard.target, message.end_to_end(heard.headers))
    return Usual(head, frozenset(message.named(heard.headers)))


@lru_cache(maxsize=256)
def answer_head(data: bytes) -> Head | None:
    """The head in ``data``, if a body of a length that it names comes behind it, and the board
    keeps the connection."""
    try:
        heard = _Heard(httptools.HttpResponseParser, data)
    except (httptools.HttpParserError, httptools.HttpParserUpgrade):
        return None
    status = heard.parser.get_status_code()
    lengths = [value for name, value in heard.headers if name == b"content-length"]
    if not (
        len(lengths) == 1
        and lengths[0].isdigit()
        and status >= 200
        and status not in (204, 304)
        and heard.keeps
        and all(name != b"transfer-encoding" for name, _ in heard.headers)
    ):
        return None
    headers = [*message.end_to_end(heard.headers), (b"content-length", lengths[0])]
    lines = [name + b": " + value + b"\r\n" for name, value in headers]
    return Head(STATUS_LINE[status] + b"".join(lines) + b"\r\n", int(lengths[0]))
