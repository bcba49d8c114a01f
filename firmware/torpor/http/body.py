"""Bodies that few clients send: in chunks, too long, or only after "100 Continue".

References are to RFC 9112 and RFC 9110.
"""

from micropython import const

from .. import Fault, sockets
from ..cold import cold
from .listener import buffer
from .router import find
from .wire import MAX_BODY, MAX_HEAD, Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Generator

    from .listener import Connection, Listener


_MAX_LINE = const(128)  # bytes of a chunk's size and extensions


@cold
def refuse_too_long(listener: "Listener", request: "Request") -> None:
    """Raise ``Fault(413)`` for a body that is too long, unless the application reads it.

    The application has its own limits.
    """
    application = listener.routes.get("/")
    if not application or find(listener, request) is not application:
        raise Fault(413, "the body is larger than %d bytes" % MAX_BODY)


@cold
def wants_body(listener: "Listener", request: "Request") -> bool:
    """Return whether a handler accepts the request, so that the client should send the body.

    Raises ``Fault`` for a request without a route. If the service has an application that has no
    route for it, the application answers the request without its body.
    """
    handler: Any = find(listener, request)
    application: Any = listener.routes.get("/")
    if handler is not application:
        return True
    if request.verb in handler[2](handler[1], request):
        return True
    request.keep = False
    return False


# async
@cold
def read_chunks(connection: "Connection", unread: bytes) -> "Generator[Any, Any, bytes]":
    """Read the chunked body of the connection's request, and return the bytes after it.

    Raises ``Fault``.
    """
    chunks = Chunks()
    while not chunks.feed(unread):
        n = yield from sockets.read(connection.sock, buffer)
        unread = bytes(buffer[:n])
    connection.request.body = chunks.body
    return chunks.rest


@cold
class Chunks:
    """Decodes a body that arrives in pieces."""

    def __init__(self) -> None:
        self.body = bytearray()
        self._extensions = 0  # bytes of all of them, approximately
        self.rest = b""  # the bytes after the body, when it is complete
        self._left = 0  # bytes still to come of this chunk, its CRLF included

    def feed(self, data: bytes) -> bool:
        """Decode more bytes; return True when the body is complete. Raises ``Fault``."""
        data = self.rest + data
        while True:
            if self._left:
                if len(data) < self._left:
                    break
                if data[self._left - 2 : self._left] != b"\r\n":
                    raise Fault(400, "malformed chunk")
                self.body.extend(data[: self._left - 2])
                data = data[self._left :]
                self._left = 0
            line_end = data.find(b"\r\n")
            if line_end < 0:
                if len(data) > _MAX_LINE:
                    raise Fault(400, "malformed chunk size")
                break
            size = self._size(data[:line_end])
            if len(self.body) + size > MAX_BODY:
                raise Fault(413, "the body is larger than %d bytes" % MAX_BODY)
            if size:
                data = data[line_end + 2 :]
                self._left = size + 2
                self._extensions += max(0, line_end - 8)
                continue
            # The last chunk. Trailers must be header lines; they are ignored.
            end = data.find(b"\r\n\r\n", line_end)
            if (len(data) if end < 0 else end) > MAX_HEAD:
                raise Fault(431, "trailers larger than %d bytes" % MAX_HEAD)
            if end < 0:
                break
            if end > line_end:
                trailers = Request()
                trailers.http10 = True  # so that they need no Host
                trailers.read_headers(data[line_end:end])
            self.rest = data[end + 4 :]
            return True
        self.rest = data
        return False

    def _size(self, line: bytes) -> int:
        """Return the size of a chunk from the line before it."""
        digits, semicolon, extensions = line.partition(b";")
        if semicolon:
            # RFC 9112, 7.1.1 allows white space here, but no sender may produce it. The gateway's
            # parser refuses it, and both ways to a board must read a request in the same way.
            quoted = extensions.split(b'"')
            for i in range(0, len(quoted), 2):
                if b" " in quoted[i] or b"\t" in quoted[i]:
                    raise Fault(400, "white space in a chunk extension")
        if (
            not 0 < len(digits) <= 8
            or digits.strip(b"0123456789abcdefABCDEF")
            or len(line) > _MAX_LINE
            or self._extensions > MAX_HEAD
            or min(line.replace(b"\t", b" ")) < 32
            or b"\x7f" in line
        ):
            raise Fault(400, "malformed chunk size")
        return int(digits, 16)
