"""An HTTP client without a network: requests go through the listener's own code as bytes."""

import asyncio
import errno
import io
from json import dumps as to_json
from json import loads

from torpor.http.listener import Connection

from . import reserve
from .arguments import BYTES, NUMBER, expect, only, refuse
from .arguments import within as in_range

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


_TURNS = 50  # of the loop, for a handler to end when its client has closed


class Answer:
    """The response to a request.

    Attributes:
        status_code: The HTTP status.
        headers: A dict; names are in lower case.
        body: The body as bytes, without its chunks.
        text: The body as text.
    """

    def __init__(self, pieces: list) -> None:
        head = b""
        while pieces and b"\r\n\r\n" not in head:
            head += pieces.pop(0)
        head, _, rest = head.partition(b"\r\n\r\n")
        pieces.insert(0, rest)
        reserve.release()
        body = b"".join(pieces)
        lines = str(head, "utf-8").split("\r\n")
        self.status_code = int(lines[0].split(" ")[1])
        self.headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.headers[name.lower()] = value.strip()
        if self.headers.get("transfer-encoding") == "chunked":
            body = _unchunk(body)
        self.body = body

    @property
    def text(self) -> str:
        return str(self.body, "utf-8")

    def json(self) -> "Any":
        """Return the value of a body that is JSON. Raises ``ValueError``."""
        return loads(self.body)

    def __repr__(self):
        return "<%d %r>" % (self.status_code, self.body if len(self.body) < 200 else "...")


class Client:
    """The fixture ``client``: sends requests to the service that ``start`` returned last.

    ``await client.get("/alerts")``, ``post``, ``put``, ``patch``, ``delete``, ``head``, ``options``
    and ``request(verb, path)`` return an ``Answer``. They take:

    Args:
        params: A dict for the query.
        headers: A dict.
        json: A value that JSON can hold, sent as JSON.
        data: A dict, sent as a form; or text or bytes, sent unchanged.
        files: A dict of files, sent as a multipart form together with the fields of ``data``:
            field name -> content, ``(filename, content)`` or
            ``(filename, content, content_type)``.
        body: Bytes, sent unchanged.
        within: How long to read a response that does not end, in ms.

    Raises:
        TypeError: An argument does not exist, or has a value that cannot be sent.
    """

    def __init__(self, listener: "Any") -> None:
        self._listener = listener  # a function: the service may be started later, and again

    async def request(
        self, verb: "Any", path: "Any", within: "Any" = None, **options: "Any"
    ) -> "Any":
        """Send a request and return its ``Answer``.

        Raises:
            OSError: The connection was closed without a response.
            TypeError: An argument is not valid.
        """
        _check(verb, path, within=within, **options)
        wire = _Wire(_request(verb, path, **options))
        task = self._serve(wire)
        if within is None:
            await task
        else:
            await asyncio.sleep_ms(within)
            await _end(task)
        pieces = wire.pieces()
        if not pieces:
            raise OSError("the connection was closed without an answer")
        return Answer(pieces)

    def _serve(self, wire):
        """Make the listener serve a connection. Returns the task that does so."""
        listener = self._listener()
        connection = Connection(listener, wire, ("127.0.0.1", 0))
        listener.budget.add(connection)
        connection.task = asyncio.create_task(connection.serve())
        return connection.task

    def websocket(self, path: "Any", params: "Any" = None, headers: "Any" = None) -> "Any":
        """Open a WebSocket: ``async with client.websocket("/live") as live:``.

        Then ``await live.send(message)``, and ``await live.receive()``, which returns None when the
        service has closed.
        """
        from .websocket import WebSocket

        _check("WEBSOCKET", path, params=params, headers=headers)

        async def pipe(more):
            wire = _Wire(_request("GET", path, params=params, headers=_joined(headers, more)))
            wire.stays = True
            return _Pipe(wire, self._serve(wire))

        return WebSocket(path, pipe, Answer)

    async def get(self, path: "Any", **options: "Any") -> "Any":
        return await self.request("GET", path, **options)

    async def post(self, path: "Any", **options: "Any") -> "Any":
        return await self.request("POST", path, **options)

    async def put(self, path: "Any", **options: "Any") -> "Any":
        return await self.request("PUT", path, **options)

    async def patch(self, path: "Any", **options: "Any") -> "Any":
        return await self.request("PATCH", path, **options)

    async def delete(self, path: "Any", **options: "Any") -> "Any":
        return await self.request("DELETE", path, **options)

    async def head(self, path: "Any", **options: "Any") -> "Any":
        return await self.request("HEAD", path, **options)

    async def options(self, path: "Any", **options: "Any") -> "Any":
        return await self.request("OPTIONS", path, **options)


class SocketClient(Client):
    """The fixture ``socket_client``: the same over a real connection to the service's listener."""

    def __init__(self, address: "Any") -> None:
        self._address = address  # a function, as above

    async def request(
        self,
        verb: "Any",
        path: "Any",
        within: "Any" = None,
        headers: "Any" = None,
        **options: "Any",
    ) -> "Any":
        _check(verb, path, within=within, headers=headers, **options)
        headers = _joined(headers, {"Connection": "close"})
        data = _request(verb, path, headers=headers, **options)
        reader, writer = await asyncio.open_connection(*self._address())
        try:
            writer.write(data)
            await writer.drain()
            if within is None:
                return Answer([await reader.read(-1)])
            pieces: list = []
            task = asyncio.create_task(_read_all(reader, pieces))
            await asyncio.sleep_ms(within)
            await _end(task)
            return Answer(pieces)
        finally:
            writer.close()
            await writer.wait_closed()

    def websocket(self, path: "Any", params: "Any" = None, headers: "Any" = None) -> "Any":
        from .websocket import WebSocket

        _check("WEBSOCKET", path, params=params, headers=headers)

        async def pipe(more):
            data = _request("GET", path, params=params, headers=_joined(headers, more))
            opened = _SocketPipe(*await asyncio.open_connection(*self._address()))
            await opened.write(data)
            return opened

        return WebSocket(path, pipe, Answer)


async def _end(task) -> None:
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        pass


def _joined(headers, more: dict) -> dict:
    found = dict(headers or {})
    found.update(more)
    return found


_BODIES = ("json", "data", "files", "body")
_OPTIONS = ("params", "headers", "within") + _BODIES
_PATH = 'text that begins with "/", without white space and control characters'
_VALUES = (str, bool, bytes, bytearray) + NUMBER
_FIELD = "text, bytes, a number, True, False or None, or a list of these"
_FILE = "text or bytes, (filename, content) or (filename, content, content_type)"


async def _read_all(reader, pieces: list) -> None:
    while True:
        piece = await reader.read(1024)
        if not piece:
            return
        pieces.append(piece)


def _check(verb, path, **options) -> None:
    """Raise ``TypeError`` for an argument of a request that is not what it must be."""
    expect("client.request()", "verb", verb, str, 'text such as "GET"')
    call = "client.%s()" % _method(verb)
    expect(call, "path", path, str, _PATH)
    bare = path[:1] != "/" and path[:4] != "http" and path != "*"
    if bare or min(path.encode()) < 33 or "\x7f" in path:
        refuse(call, "path", path, _PATH)
    only(call, options, _OPTIONS)
    options = {name: value for name, value in options.items() if value is not None}
    bodies = [name for name in _BODIES if name in options]
    if len(bodies) > 1 and bodies != ["data", "files"]:
        raise TypeError("a request has one body: give one of " + ", ".join(bodies))
    for name, value in options.items():
        _CHECKS[name](call, value)


def _check_params(call: str, value) -> None:
    _check_pairs(call, "params", value)


def _check_headers(call: str, value) -> None:
    expect(call, "headers", value, dict, "a dict of names and texts")
    for name in value:
        expect(call, "the name of a header", name, str, "text")
        of_header = "headers[%r]" % name
        expect(call, of_header, value[name], (str, int), "text or a whole number")
        line = name + str(value[name])
        if "\r" in line or "\n" in line or ":" in name or " " in name or not name:
            refuse(call, of_header, value[name], "a name and a value without line breaks")


def _check_within(call: str, value) -> None:
    in_range(call, "within", value, 0, 1 << 28, "a whole number of milliseconds")


def _check_json(call: str, value) -> None:
    from torpor.http import response

    if not response.is_json(value):
        try:
            response.refuse(value, "json")
        except ValueError as e:
            raise TypeError("%s: %s" % (call, e))


def _check_data(call: str, value) -> None:
    if not isinstance(value, (str,) + BYTES):
        _check_pairs(call, "data", value)


def _check_files(call: str, value) -> None:
    for name, file in _fields(call, "files", value):
        of_file = "files[%r]" % name
        if isinstance(file, (tuple, list)):
            if not 2 <= len(file) <= 3 or not isinstance(file[0], str):
                refuse(call, of_file, file, _FILE)
            if len(file) == 3 and not isinstance(file[2], str):
                refuse(call, of_file, file, _FILE)
            file = file[1]
        expect(call, of_file, file, (str, bytes, bytearray), _FILE)


def _check_body(call: str, value) -> None:
    expect(call, "body", value, (str,) + BYTES, "bytes or text; json= and data= take others")


_CHECKS = {
    "params": _check_params,
    "headers": _check_headers,
    "within": _check_within,
    "json": _check_json,
    "data": _check_data,
    "files": _check_files,
    "body": _check_body,
}


def _check_pairs(call: str, name: str, value) -> None:
    for field, each in _fields(call, name, value):
        for one in each if isinstance(each, list) else (each,):
            if one is not None and not isinstance(one, _VALUES):
                refuse(call, "%s[%r]" % (name, field), one, _FIELD)


def _fields(call: str, name: str, value):
    """Return the (name, value) pairs of a dict, or of a list of pairs."""
    expected = "a dict, or a list of (name, value)"
    if name == "data":
        expected += ", text or bytes; json= takes others"
    expect(call, name, value, (dict, list, tuple), expected)
    pairs = list(value.items()) if isinstance(value, dict) else value
    for pair in pairs:
        if not isinstance(pair, (tuple, list)) or len(pair) != 2 or not isinstance(pair[0], str):
            refuse(call, name, value, expected)
    return pairs


def _request(verb, path, params=None, headers=None, **bodies) -> bytes:
    """Return the bytes of a request."""
    if params:
        from .forms import urlencoded

        path += ("&" if "?" in path else "?") + urlencoded(params)
    body, kind = _body(**bodies)
    lines = ["%s %s HTTP/1.1" % (verb, path)]
    names = [name.lower() for name in headers or ()]
    if "host" not in names:
        lines.append("Host: test")
    if kind and "content-type" not in names:
        lines.append("Content-Type: " + kind)
    for name, value in (headers or {}).items():
        lines.append("%s: %s" % (name, value))
    if (body or verb in ("POST", "PUT", "PATCH")) and not (
        "content-length" in names or "transfer-encoding" in names
    ):
        lines.append("Content-Length: %d" % len(body))
    return "\r\n".join(lines + ["", ""]).encode() + body


def _method(verb: str) -> str:
    return verb.lower() if hasattr(Client, verb.lower()) else "request"


def _body(json=None, data=None, files=None, body=None) -> tuple:
    """Return the body and its content type."""
    if files or isinstance(data, (dict, list, tuple)):
        from .forms import multipart, urlencoded

        if files:
            return multipart(data, files)
        return urlencoded(data).encode(), "application/x-www-form-urlencoded"
    if json is not None:
        return to_json(json).encode(), "application/json"
    if data is not None:
        body = data
    return (body.encode() if isinstance(body, str) else bytes(body or b"")), ""


def _unchunk(data: bytes) -> bytes:
    chunks = []
    at = 0
    while at < len(data):
        line_end = data.find(b"\r\n", at)
        size = int(data[at:line_end], 16)
        chunks.append(data[line_end + 2 : line_end + 2 + size])
        at = line_end + size + 4
    return b"".join(chunks)


class _Wire(io.IOBase):
    """A socket that contains the request and receives the response.

    After the request the client has closed, unless the wire ``stays``.
    """

    stays = False

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._written: list = []  # in pieces: a chip's heap has no room for several copies
        self.changed = asyncio.Event()

    def feed(self, data: bytes) -> None:
        """Send more to the service."""
        self._data += data

    def readinto(self, buffer, n=-1):
        if self.stays and not self._data:
            return None
        n = min(len(self._data), len(buffer))
        buffer[:n] = self._data[:n]
        self._data = self._data[n:]
        return n

    def read(self, n=-1):
        """Read like the stream of an application that reads a long body in pieces."""
        if self.stays and not self._data:
            return None
        data = self._data if n < 0 else self._data[:n]
        self._data = self._data[len(data) :]
        return data

    def write(self, data):
        self._written.append(bytes(data))
        self.changed.set()
        return len(data)

    def pieces(self) -> list:
        """Return what has been written since the last call, in pieces."""
        pieces = self._written
        self._written = []
        return pieces

    def taken(self) -> bytes:
        """Return what has been written since the last call."""
        data = b"".join(self._written)
        self._written = []
        return data

    def setsockopt(self, *option):
        pass

    def ioctl(self, request, argument):
        if request == 3:  # MP_STREAM_POLL
            readable = self._data or not self.stays
            return argument if readable else argument & ~1  # all but MP_STREAM_POLL_RD
        # It has no file number to poll by (MP_STREAM_GET_FILENO), and closing always succeeds.
        return -errno.EINVAL if request == 10 else 0

    def close(self):
        self.stays = False
        self.changed.set()


class _Pipe:
    """The client's end of a WebSocket's connection, in memory."""

    def __init__(self, wire: _Wire, task) -> None:
        self._wire = wire
        self._task = task

    async def read(self) -> bytes:
        """Wait for data and return it; b"" when the service has closed."""
        data = self._wire.taken()
        while not data and self._wire.stays:
            self._wire.changed.clear()
            await self._wire.changed.wait()
            data = self._wire.taken()
        return data

    async def write(self, data: bytes) -> None:
        self._wire.feed(data)

    async def close(self) -> None:
        """Close, and give the handler a few turns of the loop to end."""
        self._wire.stays = False
        for _ in range(_TURNS):
            if self._task.done():
                return
            await asyncio.sleep_ms(0)
        await _end(self._task)


class _SocketPipe:
    """The same over a socket."""

    def __init__(self, reader, writer) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self) -> bytes:
        return await self._reader.read(1024)

    async def write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()


class NoBudget:
    """Admits every connection."""

    newcomer = False
    parked = None

    def __init__(self) -> None:
        self.open: list = []

    def add(self, connection: "Any") -> "Any":
        self.open.append(connection)

    def remove(self, connection: "Any") -> "Any":
        if connection in self.open:
            self.open.remove(connection)
