"""A Microdot application inside a service.

The listener has parsed the request already; here it becomes a Microdot ``Request`` and the
application does the rest. A plain answer is sent with one write and the connection is kept, where
Microdot on its own makes a write a header and closes. Anything else (SSE, files, WebSocket) goes
through Microdot's own code, over a stream that knows the bytes that have been read.
"""

from asyncio import StreamReader

from microdot.microdot import NoCaseDict, Request, Response

from .answer import compose
from .wire import MAX_BODY


def mount(service):
    """The handler for all requests that no route of ``service`` matches.

    Its third part tells which verbs the application takes beside those of a route.
    """
    app = service.app
    app.service = service
    return (serve, app, _verbs)


async def serve(connection, handler, rest):
    """Let the application answer the connection's request; the bytes still to be sent."""
    app = handler[1]
    request = connection.request
    unread = request.length > MAX_BODY
    stream = _Stream(connection, rest, request.length if unread else -1)
    headers = NoCaseDict()
    for line in request.headers.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name:
            headers[str(name, "utf-8")] = str(value.strip(), "utf-8")
    body = bytes(request.body)
    if unread:
        # As in Microdot: it refuses what is too long, and streams what is not to be kept in RAM.
        request.keep = False
        if request.length <= Request.max_content_length:
            if request.expects and not rest:
                await connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            if request.length <= Request.max_body_length:
                body = await stream.readexactly(request.length)
    response = await app.dispatch_request(
        Request(
            app,
            connection.address,
            request.verb,
            request.target,
            "1.0" if request.http10 else "1.1",
            headers,
            body=body,
            stream=stream if unread and not body else None,
            sock=(stream, stream),
        )
    )
    if response is Response.already_handled:
        request.keep = False
        return b""
    if isinstance(response.body, bytes) and response.reason is None:
        response.complete()
        headers = {}
        for name, value in response.headers.items():
            if name.lower() not in ("content-length", "connection"):
                headers[name] = value
        answer = compose(request, response.status_code, response.body, None, headers)
        if stream.left <= 0:
            return answer
        await connection.send(answer)
        from .refusal import linger

        await linger(connection.sock)  # or what was not read would take the answer away
        return b""
    stream.begin()
    request.keep = False
    await response.write(stream)
    return b""


def _verbs(app, target: str) -> list[str]:
    """The verbs that the application takes for a request's target."""
    path = target.split("?", 1)[0]
    found: list[str] = []
    for route in app.url_map:  # (verbs, pattern, function, prefix, application)
        if route[1].match(path) is not None:
            found += route[0]
    return found


class _Stream(StreamReader):
    """What Microdot reads from and writes to. The head of an answer is sent in one piece."""

    def __init__(self, connection, rest: bytes, left: int) -> None:
        super().__init__(connection.sock, {"peername": connection.address})
        self.connection = connection
        self.rest = rest
        self.left = left  # bytes of the body that were not read; -1: reading has no end
        self.head: bytes | None = b""  # None once it has been sent

    def begin(self) -> None:
        self.connection.streams()

    def _take(self, n: int) -> bytes:
        data = self.rest[:n]
        self.rest = self.rest[n:]
        return data

    async def read(self, n=-1):
        self.begin()
        if self.left >= 0 and not 0 <= n <= self.left:
            n = self.left
        if not n:
            return b""
        if self.rest:
            data = self._take(n if n >= 0 else len(self.rest))
        else:
            data = await super().read(n)
        if self.left >= 0:
            self.left -= len(data)
        return data

    async def readexactly(self, n):
        data = bytearray(n)
        have = 0
        while have < n:
            part = await self.read(n - have)
            if not part:
                raise EOFError
            data[have : have + len(part)] = part
            have += len(part)
        return bytes(data)

    async def readline(self):
        self.begin()
        end = self.rest.find(b"\n")
        if end >= 0:
            return self._take(end + 1)
        return self._take(len(self.rest)) + await super().readline()

    async def awrite(self, data) -> None:
        self.begin()
        if self.head is not None:
            self.head += data
            if not self.head.endswith(b"\r\n\r\n"):
                return
            data = self.head
            self.head = None
        await self.connection.send(data)

    async def aclose(self) -> None:
        self.connection.request.keep = False
