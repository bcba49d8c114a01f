"""A Microdot application inside a service.

The listener has already parsed the request; this module turns it into a Microdot ``Request``, and
the application does the rest. A response of known length is sent with one write and the connection
stays open; Microdot alone makes one write per header and closes it. Code for answers in pieces
(files, generators, events) is loaded when needed. An application that uses the socket itself
(WebSocket) gets a ``_Stream``, which has the bytes that have already been read.
"""

import asyncio
import gc
import json
from asyncio import StreamReader
from errno import ECONNRESET, ENOENT

from microdot import AsyncBytesIO, microdot
from microdot.microdot import HTTPException, NoCaseDict, Request, Response
from micropython import const

from .. import Fault, log, port
from ..cold import cold
from .response import compose, head
from .wire import MAX_BODY, text, unquote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .budget import Budget
    from .listener import Connection

# Empty reads at the end of a body. Microdot's multipart parser makes a few dozen of them for a
# correct body, and repeats them forever, without yielding, when the boundary never comes.
_EMPTY_READS = 500
_MAX_HEAD = const(4096)  # bytes of a head that are held until the rest of it comes
_LINE = const(256)  # bytes read at a time when looking for the end of a line
_WINDOW_BITS = const(12)  # as in the build's compression, see ``image/tree.py``

_budget: "Budget | None" = None  # of the board, set by the first request


def mount(service: "Any", crumb: int = 0) -> tuple:
    """Return the handler for all requests that no route of ``service`` matches.

    Its third part returns the verbs that the application accepts in addition to those of the
    routes. The fourth is the breadcrumb of its requests.
    """
    app = service.app
    app.service = service
    app.error_handlers.setdefault(Fault, _refuse)
    app.error_handlers.setdefault(MemoryError, _refuse_full)
    return (serve, app, _verbs, crumb)


def current() -> "Connection | None":
    """Return the connection whose task runs now, or None."""
    if _budget:
        for connection in _budget.open + [_budget.parked]:
            if getattr(connection, "task", None) is asyncio.current_task():
                return connection
    return None


def _refuse(request, fault):
    """Answer a ``Fault`` that a handler, or a peer that it called, has raised."""
    return {"error": fault.message}, fault.status, fault.headers or {}


@cold
def _refuse_full(request, error):
    """Answer a request that ran out of memory; Microdot has reported it."""
    gc.collect()
    return {"error": "out of memory"}, 503, {"Retry-After": "1"}


def _report(error, file=None) -> None:
    """Log what a handler raised: Microdot calls this as ``sys.print_exception``."""
    if isinstance(error, Fault):
        return
    connection = current()
    if connection is None:
        log.Log("http").exception(error, "an application failed")
    elif not (connection.gone and isinstance(error, (OSError, EOFError))):
        # Microdot raises WebSocketError when the client ends the conversation.
        if type(error).__name__ != "WebSocketError":
            connection.report(error)


def _open(name, mode="r"):
    """Open a file: Microdot's ``send_file`` calls this as ``open``. Raises ``OSError``."""
    try:
        return open(name, mode)
    except OSError as e:
        if e.errno != ENOENT:
            raise
    return _find_file(name, mode)


@cold
def _find_file(name: str, mode: str):
    """Open a file that does not exist under its name. Raises ``OSError``.

    An application names its files relative to its own folder, and the build stores text files
    only compressed: ``static/page.html`` is ``services/<name>/static/page.html.gz`` on the board.
    """
    if "w" in mode or "a" in mode:
        raise OSError(ENOENT)
    names = [name]
    connection = current()
    if connection and name[:1] != "/":
        names.append("services/%s/%s" % (connection.listener.name, name))
    for each in names:
        for make in (open, _Packed):
            try:
                return make(each, mode)
            except OSError as e:
                if e.errno != ENOENT:
                    raise
    raise OSError(ENOENT)


class _Packed:
    """A file that the board stores compressed; reading returns the uncompressed content."""

    _unpacked = None

    def __init__(self, name: str, mode: str) -> None:
        self.packed = open(name + ".gz", "rb")

    def read(self, n: int = -1) -> bytes:
        if self._unpacked is None:
            from deflate import GZIP, DeflateIO

            self._unpacked = DeflateIO(self.packed, GZIP, _WINDOW_BITS)
        return self._unpacked.read(n)

    def close(self) -> None:
        self.packed.close()


async def _ended(stream) -> bytes:
    """Return the empty read at the end of a body. Raises 400 when it is repeated forever."""
    stream.empty_reads += 1
    if stream.empty_reads > _EMPTY_READS:
        raise HTTPException(400, "Bad request")
    await asyncio.sleep_ms(0)
    return b""


class _Body(AsyncBytesIO):
    """A body in memory, as a stream: Microdot creates it under the name ``AsyncBytesIO``."""

    empty_reads = 0

    async def read(self, n=-1):
        return self.stream.read(n) or (n and await _ended(self)) or b""


microdot.print_exception = _report  # type: ignore[attr-defined]
microdot.open = _open  # type: ignore[attr-defined]
microdot.AsyncBytesIO = _Body


async def serve(connection: "Connection", handler: tuple, rest: bytes) -> bytes:
    """Let the application answer the connection's request. Return the bytes still to be sent."""
    global _budget
    _budget = connection.listener.budget
    app = handler[1]
    port.crumb(handler[3])
    request = connection.request
    unread = request.length > MAX_BODY
    sock = _Sock(connection, rest, request.length if unread else -1)
    body = bytes(request.body)
    if unread:
        # As in Microdot: it refuses bodies that are too long, and streams those too large for RAM.
        request.keep = False
        if request.length <= Request.max_content_length:
            if request.expects and not rest:
                await connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            if request.length <= Request.max_body_length:
                body = await sock[0].readexactly(request.length)
    stream = sock[0] if unread and not body else None
    if len(body) > Request.max_body_length:
        stream = _Body(body)
        body = b""
    try:
        response = await app.dispatch_request(_request(app, connection, body, stream, sock))
    except RuntimeError as e:
        if "recursion" not in str(e):
            raise
        # MicroPython's ``re`` recurses for each character that a pattern matches.
        raise Fault(414, "the path is too long for the application's patterns")
    stream = sock.stream
    if stream and stream.left > 0 and connection.gone:
        return b""  # its request will never be complete
    if stream and (response is Response.already_handled or stream.has_answered()):
        # The client would read a second answer as a part of the first.
        await stream.flush()
        request.keep = False
        return b""
    if response is Response.already_handled:
        request.keep = False
        return b""
    body = response.body or b""
    if isinstance(body, bytes) and response.reason is None:
        response.complete()
        headers = {}
        for name, value in response.headers.items():
            name_lower = name.lower()
            if name_lower == "connection":
                request.keep = request.keep and "close" not in value.lower()
            elif name_lower != "content-length":
                headers[name] = value
        answer = compose(request, response.status_code, body, None, headers)
    else:
        answer = await _send_in_pieces(connection, response)
    if not stream or stream.left <= 0:
        return answer
    await connection.send(answer)
    await connection.linger()  # closing with unread bytes would discard the response
    return b""


def _request(app, connection, body, stream, sock):
    """Return Microdot's request, or None for one that it answers with 400."""
    request = connection.request
    try:
        headers = NoCaseDict()
        for line in request.headers.split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name:
                headers[text(name)] = text(value.strip())
        made = Request(
            app,
            connection.address,
            request.verb,
            _target(request.raw),
            "1.0" if request.http10 else "1.1",
            headers,
            body=body,
            stream=stream,
            sock=sock,
        )
        if body and made.content_type:
            _check_body(made)
        return made
    except ValueError:  # not UTF-8, or a malformed escape
        request.keep = False
        return None


@cold
def _check_body(request) -> None:
    """Raise ``ValueError`` for JSON or a form that is not UTF-8 when its escapes are undone.

    MicroPython accepts overlong UTF-8 and halves of surrogate pairs as characters, so an answer
    that contains them would not be valid UTF-8.

    The bytes of the body do not change, because an application may check a signature of them.
    """
    from .wire import join_surrogates

    kind = request.content_type.split(";")[0]
    body = request.body
    try:
        if kind == "application/json":
            text(body)
            if b"\\u" in body:
                whole = join_surrogates(body)
                if len(whole) != len(body):
                    _load(request, whole)
        elif kind == "application/x-www-form-urlencoded":
            unquote(body)
    except Fault:
        raise ValueError


def _load(request, body: bytes) -> None:
    """Set what ``request.json`` returns, from a body whose pairs of escapes are characters."""
    try:
        request._json = json.loads(str(body, "utf-8"))
    except ValueError:
        pass  # as for any other body, when the application asks for it


@cold
async def _send_in_pieces(connection, response) -> bytes:
    """Send a Microdot response and return the bytes that end it.

    HTTP/1.1 clients get it chunked, so that they can see whether it is complete.
    """
    request = connection.request
    response.complete()
    if hasattr(response.body, "packed"):
        _choose_encoding(request, response)
    chunked = not request.http10
    headers = {}
    for name, value in response.headers.items():
        lower = name.lower()
        if lower == "connection":
            if "close" in value.lower():
                request.keep = False
            continue
        if lower == "content-length" or lower == "transfer-encoding":
            chunked = False
        headers[name] = value
    status = response.status_code
    has_body = not (response.is_head or status < 200 or status == 204 or status == 304)
    if not chunked and not isinstance(response.body, bytes):
        request.keep = False
    framing = "Transfer-Encoding: chunked" if chunked and (has_body or response.is_head) else None
    lead = head(request, status, None, headers, framing)
    if response.reason is not None:
        if "\r" in response.reason or "\n" in response.reason:
            raise ValueError("a reason holds a line break")
        lead = "HTTP/1.1 %d %s%s" % (status, response.reason, lead[lead.find("\r\n") :])
    return await _send_pieces(connection, response, lead.encode(), has_body, chunked)


async def _send_pieces(connection, response, lead: bytes, has_body: bool, chunked: bool) -> bytes:
    pieces = response.body_iter()
    try:
        if not has_body:
            return lead
        connection.streams()
        if hasattr(response.body, "__anext__"):
            await connection.send(lead)  # the first event may take long
            lead = b""
        pieces.__aiter__()
        while True:
            piece = await _next(response.body, pieces)
            if isinstance(piece, str):
                piece = piece.encode()
            size = len(piece)
            if size:  # an empty chunk would be the last
                if chunked:
                    piece = b"%x\r\n" % size + piece + b"\r\n"
                await connection.send(lead + piece)
                lead = b""
    except StopAsyncIteration:
        return lead + b"0\r\n\r\n" if chunked else lead
    except Exception as e:
        if lead or connection.gone:
            raise  # before the head is sent, an error still gets its own status
        connection.report(e)
        connection.request.keep = False
        return b""
    finally:
        if hasattr(pieces, "aclose"):
            await pieces.aclose()


async def _next(body, pieces):
    if not hasattr(body, "__next__"):
        return await pieces.__anext__()
    try:
        return next(body)
    except StopIteration:  # MicroPython would treat it as the coroutine's return value None
        raise StopAsyncIteration


def _choose_encoding(request, response) -> None:
    """Send a compressed file of the image unchanged to clients that accept it."""
    headers = response.headers
    if "Content-Encoding" in headers:
        return
    vary = headers.get("Vary")
    headers["Vary"] = vary + ", Accept-Encoding" if vary else "Accept-Encoding"
    if _takes_gzip(request.header("accept-encoding") or b""):
        headers["Content-Encoding"] = "gzip"
        response.body = response.body.packed


def _takes_gzip(accept: bytes) -> bool:
    # RFC 9110, 12.5.3. A weight of 0 is a refusal.
    for each in accept.lower().split(b","):
        name, _, weight = each.partition(b";")
        if name.strip() in (b"gzip", b"x-gzip", b"*"):
            return weight.replace(b" ", b"") not in (b"q=0", b"q=0.0", b"q=0.00", b"q=0.000")
    return False


def _target(raw: bytes) -> str:
    """Return the target in origin form, the only one that Microdot knows. Raises ``ValueError``."""
    if raw[:7].lower() == b"http://":  # RFC 9112, 3.2.2
        path, mark, query = raw[7:].partition(b"?")
        slash = path.find(b"/")
        raw = (path[slash:] if slash >= 0 else b"/") + mark + query
    return str(raw, "utf-8")


def _verbs(app, request) -> list[str]:
    """Return the verbs that the application accepts for the target of ``request``."""
    verbs: list[str] = []
    try:
        path = _target(request.raw).split("?", 1)[0]
        for route in app.url_map:  # (verbs, pattern, function, prefix, application)
            if route[1].match(path) is not None:
                verbs += route[0]
    except (ValueError, RuntimeError):
        pass  # the application would not accept it: see ``serve``
    return verbs


class _Sock:
    """``request.sock``, a pair: both are the stream, which is created on first use."""

    stream = None

    def __init__(self, connection, rest: bytes, left: int) -> None:
        self.connection = connection
        self.rest = rest
        self.left = left

    def __getitem__(self, index: int):
        if index > 1:
            raise IndexError
        if self.stream is None:
            self.connection.request.keep = False  # the listener does not see what it reads
            self.stream = _Stream(self.connection, self.rest, self.left)
        return self.stream


@cold
class _Stream(StreamReader):
    """``request.stream`` and ``request.sock``. The head of an answer is sent in one piece."""

    empty_reads = 0
    waiting = False  # whether the application waits for the client

    def __init__(self, connection, rest: bytes, left: int) -> None:
        super().__init__(connection.sock, {"peername": connection.address})
        self.connection = connection
        connection.stream = self
        self.rest = rest
        self.left = left  # bytes of the body that were not read; -1: reading has no end
        self.head: bytes | None = b""  # None once it has been sent

    def begin(self) -> None:
        self.connection.streams()

    def has_answered(self) -> bool:
        """Return whether the application has begun to write an answer."""
        return self.head != b""

    def _take(self, n: int) -> bytes:
        data = self.rest[:n]
        self.rest = self.rest[n:]
        return data

    async def _receive(self, n: int) -> bytes:
        """Return up to ``n`` bytes when they come, or b"" at the end. Raises ``OSError``."""
        if not self.rest:
            await self._fill(n)
        return self._take(n)

    async def _fill(self, n: int) -> None:
        """Read up to ``n`` bytes and add them to the bytes read before. Raises ``OSError``."""
        connection = self.connection
        data = connection.ahead
        if data:
            connection.ahead = b""
        else:
            self.waiting = True
            try:
                data = await super().read(n)
            except OSError:
                connection.gone = True
                raise
            finally:
                self.waiting = False
        if not data:
            connection.gone = True
            if self.left > 0:
                raise OSError(ECONNRESET)
        self.rest += data

    def is_watching(self) -> bool:
        """Return whether the application waits for bytes, and so notices when the client goes."""
        return self.waiting

    async def read(self, n=-1):
        """Return ``n`` bytes, fewer only at the end; for -1, all bytes until the end.

        Raises ``OSError`` when the client goes before the end of a body, and when the application
        continues to read after the end.
        """
        self.begin()
        if n < 0:
            if self.left < 0:
                return await self._read_all()
            n = self.left
            if not n:
                return b""
        if not n:
            return b""
        if not self.left:
            return await _ended(self)
        if self.left > 0:
            n = min(n, self.left)
        data = self._take(n)
        if len(data) < n:
            data = await self._complete(data, n)
        if self.left > 0:
            self.left -= len(data)
        elif not data:
            self._end()
        return data

    async def _complete(self, begun: bytes, n: int) -> bytes:
        """Return ``n`` bytes that begin with ``begun``, fewer if the client ends before."""
        data = bytearray(n)
        have = len(begun)
        data[:have] = begun
        while have < n:
            part = await self._receive(n - have)
            if not part:
                break
            data[have : have + len(part)] = part
            have += len(part)
        return bytes(memoryview(data)[:have])

    async def _read_all(self) -> bytes:
        data = b""
        while part := await self._receive(1024):
            data += part
        return data

    def _end(self) -> None:
        """Note that a read has found the end. Raises ``OSError`` from the second time on."""
        self.empty_reads += 1
        if self.empty_reads > 1:
            raise OSError(ECONNRESET)

    async def readinto(self, buffer):
        data = await self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    async def readexactly(self, n):
        data = await self.read(n)
        if len(data) < n:
            raise EOFError
        return data

    async def readline(self):
        self.begin()
        while True:
            end = self.rest.find(b"\n") + 1
            have = len(self.rest)
            if not self.left:
                return await _ended(self)
            if end or 0 <= self.left <= have:
                return await self.read(end or self.left)
            await self._fill(_LINE)
            if len(self.rest) == have:
                if not have:
                    self._end()
                return self._take(have)

    async def awrite(self, data) -> None:
        self.begin()
        if self.head is not None:
            data = self.head + data
            if _is_part_of_head(data):
                self.head = data
                return
            # The final response follows an interim one.
            interim = data.startswith(b"HTTP/1.1 1") and data[9:12] != b"101"
            self.head = b"" if interim else None
        await self.connection.send(data)

    async def flush(self) -> None:
        """Send the bytes that were held as the beginning of a head."""
        if self.head:
            data = self.head
            self.head = None
            await self.connection.send(data)

    def write(self, data) -> None:
        self.begin()
        if self.head:
            data = self.head + data
        self.head = None
        super().write(data)

    async def aclose(self) -> None:
        await self.flush()
        self.connection.request.keep = False


def _is_part_of_head(data: bytes) -> bool:
    return (
        data.startswith(b"HTTP/")
        and data.endswith(b"\r\n")
        and b"\r\n\r\n" not in data
        and len(data) < _MAX_HEAD
    )
