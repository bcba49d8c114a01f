"""A Microdot application inside a service.

The listener has parsed the request already; here it becomes a Microdot ``Request`` and the
application does the rest. A plain answer is sent with one write and the connection is kept, where
Microdot on its own makes a write a header and closes. Anything else (SSE, files, WebSocket) goes
through Microdot's own code, over a stream that knows the bytes that have been read.
"""

from microdot import microdot
from microdot.microdot import NoCaseDict, Request, Response

from .. import log
from ..service import Fault
from .answer import compose
from .wire import MAX_BODY

_log = log.Log("http")


def mount(service):
    """The handler for all requests that no route of ``service`` matches.

    Its third part tells which verbs the application takes beside those of a route.
    """
    app = service.app
    app.service = service
    app.error_handlers.setdefault(Fault, _refuse)
    return (serve, app, _verbs)


def _refuse(request, fault):
    """What a ``Fault`` of a handler, its own or a peer's, tells the client."""
    return {"error": fault.message}, fault.status, fault.headers or {}


def _tell(error, file=None) -> None:
    """Stands in for ``sys.print_exception``, with which Microdot tells what a handler raised."""
    if not isinstance(error, Fault):
        _log.exception(error, "an application failed")


microdot.print_exception = _tell  # type: ignore[attr-defined]


async def serve(connection, handler, rest):
    """Let the application answer the connection's request; the bytes still to be sent."""
    app = handler[1]
    request = connection.request
    unread = request.length > MAX_BODY
    sock = _Sock(connection, rest, request.length if unread else -1)
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
                body = await sock[0].readexactly(request.length)
    response = await app.dispatch_request(
        Request(
            app,
            connection.address,
            request.verb,
            request.target,
            "1.0" if request.http10 else "1.1",
            headers,
            body=body,
            stream=sock[0] if unread and not body else None,
            sock=sock,
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
        if not sock.stream or sock.stream.left <= 0:
            return answer
        await connection.send(answer)
        from .refusal import linger

        await linger(connection.sock)  # or what was not read would take the answer away
        return b""
    sock[0].begin()
    request.keep = False
    await response.write(sock[0])
    return b""


def _verbs(app, target: str) -> list[str]:
    """The verbs that the application takes for a request's target."""
    path = target.split("?", 1)[0]
    found: list[str] = []
    for route in app.url_map:  # (verbs, pattern, function, prefix, application)
        if route[1].match(path) is not None:
            found += route[0]
    return found


class _Sock:
    """``request.sock``, a pair: both are the stream, which is made when somebody asks for it."""

    stream = None

    def __init__(self, connection, rest: bytes, left: int) -> None:
        self.connection = connection
        self.rest = rest
        self.left = left

    def __getitem__(self, index: int):
        if index > 1:
            raise IndexError
        if self.stream is None:
            # With what it needs of asyncio it takes 2 kB in 64-bit MicroPython.
            from .app_stream import Stream

            self.stream = Stream(self.connection, self.rest, self.left)
        return self.stream
