"""Bodies that come in chunks (RFC 9112, 7.1): few clients send them. An overlay."""

from .. import overlay
from ..service import Fault
from .wire import MAX_BODY, MAX_HEAD

overlay.until_collected(__name__)


# async
def read(connection, rest: bytes):
    """Read the body of the connection's request; what has come beyond it. Raises ``Fault``."""
    chunks = Chunks()
    while not chunks.feed(rest):
        rest = yield from connection.read()
    connection.request.body = chunks.body
    return chunks.rest


class Chunks:
    """Decodes a body that arrives in pieces."""

    def __init__(self) -> None:
        self.body = b""
        self.rest = b""  # what followed the body, when it is done
        self._left = 0  # bytes still to come of this chunk, its CRLF included

    def feed(self, data: bytes) -> bool:
        """Take more bytes; True when the body is whole. Raises ``Fault``."""
        data = self.rest + data
        while True:
            if self._left:
                if len(data) < self._left:
                    break
                if data[self._left - 2 : self._left] != b"\r\n":
                    raise Fault(400, "malformed chunk")
                self.body += data[: self._left - 2]
                data = data[self._left :]
                self._left = 0
            line_end = data.find(b"\r\n")
            if line_end < 0:
                if len(data) > 64:
                    raise Fault(400, "malformed chunk size")
                break
            size = _chunk_size(data[:line_end].split(b";")[0].strip())
            if len(self.body) + size > MAX_BODY:
                raise Fault(413, "the body is larger than %d bytes" % MAX_BODY)
            if size:
                data = data[line_end + 2 :]
                self._left = size + 2
                continue
            # The last chunk; trailers are read over.
            end = (
                line_end if data[line_end : line_end + 4] == b"\r\n\r\n" else data.find(b"\r\n\r\n")
            )
            if end >= 0:
                self.rest = data[end + 4 :]
                return True
            if len(data) > MAX_HEAD:
                raise Fault(431, "trailers larger than %d bytes" % MAX_HEAD)
            break
        self.rest = data
        return False


def _chunk_size(text: bytes) -> int:
    if not 0 < len(text) <= 8:
        raise Fault(400, "malformed chunk size")
    for c in text:
        if c not in b"0123456789abcdefABCDEF":
            raise Fault(400, "malformed chunk size")
    return int(text, 16)
