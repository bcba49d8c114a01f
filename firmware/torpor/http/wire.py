"""HTTP/1.1 between bytes and a request, without sockets.

``Request.begin`` takes the head of a request; what it cannot accept is a ``Fault`` with the status
to answer. Every limit is checked before the bytes it limits are kept. References are to RFC 9112
(framing) and RFC 9110 (meaning).
"""

from binascii import unhexlify

from micropython import const

from ..service import Fault

MAX_HEAD = const(4096)  # bytes of request line and headers; browsers send about 1,000
MAX_BODY = const(16384)  # bytes
_MAX_HEADERS = const(64)
_LINE = "the request line is not 'METHOD target HTTP/1.1'"

# The verbs that we route, and the key of their handlers in the route tree. Looked up by the bytes
# of the request line: making a string costs a search through all names that the firmware knows.
VERBS = {
    b"GET": ("GET", "/GET"),
    b"HEAD": ("HEAD", "/GET"),
    b"POST": ("POST", "/POST"),
    b"PUT": ("PUT", "/PUT"),
    b"DELETE": ("DELETE", "/DELETE"),
}


class Request:
    """The request that a connection is working on; one object for all of its requests."""

    # In the class, so that a new connection's request costs little.
    verb = ""
    key: str | None = None  # of its handler in the route tree; None: we do not route it
    raw = b""  # the target as sent
    path: list  # segments, percent-decoded; "/a/b" is ["a", "b"]
    query: bytes | None = None  # the part of the target behind "?", or None
    body: bytes | bytearray = b""
    fields: dict | None = None  # arguments from query and body, made when first asked for
    keep = True  # whether the connection may have another request
    # What follows the target. A client sends the same with every request, on its next connection
    # too, so it is parsed once and compared from then on.
    tail: bytes | None = None  # version and headers as sent
    headers: bytes | None = None  # the header lines as sent
    http10 = False
    stays = True  # nothing says "Connection: close"
    length = 0  # of the body, in bytes; -1: chunked
    expects = False  # the client waits for "100 Continue"
    kind: bytes | None = None  # Content-Type in lower case, without parameters

    def begin(self, head: bytes) -> None:
        """Take a head, the empty line at its end included. Raises ``Fault``."""
        parts = head.split(b" ", 2)
        if len(parts) != 3 or b"\n" in parts[1]:
            raise Fault(400, _LINE)
        if parts[2] != self.tail:
            self._read_tail(parts[2])
        self.keep = self.stays
        verb = VERBS.get(parts[0])
        if verb:
            self.verb, self.key = verb
        elif b"\n" in parts[0]:
            raise Fault(400, _LINE)
        else:
            self.verb = unquote(parts[0])
            self.key = None
        target = self.raw = parts[1]
        self.body = b""
        self.fields = self.query = None
        if b"?" in target:
            target, self.query = target.split(b"?", 1)
        if target[:1] != b"/":
            target = _absolute(target)
        path: list = target.split(b"/")
        path.pop(0)  # what lies before the first slash is empty
        for i in range(len(path)):
            segment = path[i]
            if b"%" not in segment:
                try:
                    path[i] = str(segment, "utf-8")
                    continue
                except UnicodeError:
                    pass
            segment = path[i] = unquote(segment)
            if segment[:1] == "/":  # would look like a handler's key in the route tree
                raise Fault(400, "a path segment must not begin with an encoded slash")
        self.path = path

    @property
    def target(self) -> str:
        """The target as sent."""
        try:
            return str(self.raw, "utf-8")
        except UnicodeError:
            return repr(self.raw)

    def _read_tail(self, tail: bytes) -> None:
        self.tail = None  # nothing is remembered of what is refused
        line_end = tail.find(b"\r\n")
        version = tail[:line_end]
        if not version.startswith(b"HTTP/1.") or len(version) != 8:
            raise Fault(505 if version.startswith(b"HTTP/") else 400, "speak HTTP/1.1")
        self.http10 = version == b"HTTP/1.0"
        self.headers = block = tail[line_end:-4]
        hosts = self._read_headers(block)
        if self.http10:
            self.stays = b"keep-alive" in (self.header("connection") or b"").lower()
        elif not hosts:
            raise Fault(400, "the Host header is missing")  # RFC 9112, 3.2
        self.tail = tail

    def _read_headers(self, block: bytes) -> int:
        """Take the header lines; how many of them are Host."""
        self.stays = True
        self.length = 0
        self.expects = False
        self.kind = None
        hosts = lengths = 0
        lines = block.split(b"\r\n")
        if len(lines) > _MAX_HEADERS:
            raise Fault(431, "more than %d headers" % _MAX_HEADERS)
        for i in range(1, len(lines)):  # what lies before the first CRLF is empty
            line = lines[i]
            colon = line.find(b":")
            name = line[:colon].lower()
            if colon < 1 or not _is_token(name) or b"\n" in line or b"\r" in line or b"\0" in line:
                raise Fault(400, "malformed header")
            value = line[colon + 1 :].strip()
            if name == b"content-length":
                lengths += 1
                if not value.isdigit() or lengths > 1:
                    raise Fault(400, "Content-Length: expected one number")
                self.length = int(value)
            elif name == b"transfer-encoding":
                if value.lower() != b"chunked" or self.length < 0:
                    raise Fault(400, "Transfer-Encoding: only 'chunked' is understood")
                self.length = -1
            elif name == b"connection":
                self.stays = b"close" not in value.lower()
            elif name == b"content-type":
                self.kind = value.split(b";")[0].strip().lower()
            elif name == b"expect":
                self.expects = value.lower() == b"100-continue"
            elif name == b"host":
                hosts += 1
        if lengths and self.length < 0:
            # RFC 9112, 6.1: both at once is how requests are smuggled past a proxy.
            raise Fault(400, "both Content-Length and Transfer-Encoding")
        if hosts > 1:
            raise Fault(400, "more than one Host header")
        return hosts

    def header(self, name: str) -> bytes | None:
        """The value of the first header of that name (lower case), or None."""
        wanted = name.encode()
        for line in (self.headers or b"").split(b"\r\n"):
            colon = line.find(b":")
            if line[:colon].lower() == wanted:
                return line[colon + 1 :].strip()
        return None


def _is_token(name: bytes) -> bool:
    # RFC 9110, 5.6.2. Letters and "-" are nearly all that comes.
    if name.replace(b"-", b"").isalpha():
        return True
    for c in name:
        if not (97 <= c <= 122 or c == 45 or 48 <= c <= 57 or c in b"!#$%&'*+.^_`|~"):
            return False
    return True


def _absolute(target: bytes) -> bytes:
    # RFC 9112, 3.2: "http://host/path" comes from proxies, "*" with OPTIONS.
    if target == b"*":
        return b"/*"
    if target[:7].lower() == b"http://":
        slash = target.find(b"/", 7)
        return target[slash:] if slash > 0 else b"/"
    raise Fault(400, "the target must begin with a slash")


def unquote(data: bytes, plus: bool = False) -> str:
    """Undo percent-encoding (and ``+`` for a space in a query). Raises ``Fault(400)``."""
    try:
        if plus and b"+" in data:
            data = data.replace(b"+", b" ")
        if b"%" in data:
            parts = data.split(b"%")
            data = parts[0]
            for i in range(1, len(parts)):
                data += unhexlify(parts[i][:2]) + parts[i][2:]
        return str(data, "utf-8")
    except ValueError:  # also UnicodeError
        raise Fault(400, "malformed percent-encoding, or not UTF-8")


def framed(data: bytes) -> int:
    """How many bytes ``data`` must be skipped before a request line; -1: nothing valid can follow.

    Called when the end of a head is not there yet, so that nonsense is refused at once
    and not when its time is over.
    """
    start = 0
    while data[start : start + 2] == b"\r\n":  # RFC 9112, 2.2: empty lines before a request
        start += 2
    newline = data.find(b"\n", start)
    if newline >= 0 and (newline == start or data[newline - 1] != 13):
        return -1
    return start
