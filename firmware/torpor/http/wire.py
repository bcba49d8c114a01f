"""Parses the bytes of an HTTP/1.1 request, without sockets.

``Request.begin`` takes the head of a request and raises a ``Fault`` with the status to answer if it
refuses it. Every limit is checked before the bytes it limits are kept. References are to RFC 9112
(framing) and RFC 9110 (meaning).
"""

from binascii import unhexlify

from micropython import const

from .. import Fault
from ..cold import cold

MAX_HEAD = const(4096)  # bytes of request line and headers; browsers send about 1,000
MAX_BODY = const(16384)  # bytes
_MAX_HEADERS = const(64)
_TOO_LONG = const(999999999)  # used for a Content-Length of ten or more digits
# What ``_refusal`` has a text for.
_LINE = const(0)
_ESCAPE = const(1)
_LINE_END = const(2)
_MANY = const(3)
_CONTROL = const(4)
_HEADER = const(5)
_LENGTH = const(6)
_ENCODING = const(7)
_TWO_HOSTS = const(8)
_NO_HOST = const(9)
_TWO_LENGTHS = const(10)
# The characters of nearly every Host; frequent ones first, because the search goes in order.
_HOST = b"0123456789.-:abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_HTTP = b"http://"

# The verbs that we route, with the keys of their handlers in the route tree. They are looked up by
# the bytes of the request line: making a string searches all names that the firmware knows.
_VERBS = {
    b"GET": ("GET", "/GET"),
    b"HEAD": ("HEAD", "/GET"),
    b"POST": ("POST", "/POST"),
    b"PUT": ("PUT", "/PUT"),
    b"DELETE": ("DELETE", "/DELETE"),
}


class Request:
    """The request that a connection is working on; one object for all of its requests."""

    # Class attributes, so that the request of a new connection needs little memory.
    verb = ""
    key: str | None = None  # of its handler in the route tree; None: we do not route it
    raw: bytes | None = None  # the target as sent; parsed once while the client asks for the same
    path: list  # segments, percent-decoded; "/a/b" is ["a", "b"], and "*" is []
    steps: list  # for each segment, the key to look up in the route tree
    query: bytes | None = None  # the part of the target behind "?", or None
    body: bytes | bytearray = b""
    fields: dict | None = None  # arguments from query and body, made when first asked for
    keep = True  # whether the connection may have another request
    # The part after the target. A client sends the same bytes with every request, even on its next
    # connection, so they are parsed once and then only compared.
    tail: bytes | None = None  # version and headers as sent
    headers: bytes | None = None  # the header lines as sent
    http10 = False
    stays = True  # there is no "Connection: close"
    length = 0  # of the body, in bytes; -1: chunked
    expects = False  # the client waits for "100 Continue"
    kind: bytes | None = None  # Content-Type in lower case, without parameters

    def begin(self, head: bytes) -> None:
        """Parse a head, including the empty line at its end. Raises ``Fault``."""
        parts = head.split(b" ", 2)
        if len(parts) != 3:
            raise _refusal(_LINE)
        if parts[2] != self.tail:
            self._read_tail(parts[2])
        self.keep = self.stays
        verb = _VERBS.get(parts[0])
        if verb:
            self.verb, self.key = verb
        else:
            if not _is_token(parts[0].lower()):
                raise _refusal(_LINE)
            self.verb = str(parts[0], "utf-8")
            self.key = None
        if parts[1] != self.raw:
            self._read_target(parts[1])
        self.body = b""
        self.fields = None

    def _read_target(self, raw: bytes) -> None:
        self.raw = None  # nothing is remembered of what is refused
        target = raw
        if target[:1] != b"/" or min(target) < 33 or max(target) > 126 or b"#" in target:
            target = _rare_target(target)
        self.query = None
        escapes = b"%" in target
        if b"?" in target:
            target, self.query = target.split(b"?", 1)
            if escapes:
                unquote(self.query)  # a broken escape is an error even if the query is not used
        path: list = target.split(b"/")
        path.pop(0)  # the part before the first slash is empty
        for i in range(len(path)):
            path[i] = unquote(path[i]) if escapes else str(path[i], "utf-8")
        # A segment that begins with a slash would be taken for a handler's key in the route tree.
        self.steps = ["*" if s[:1] == "/" else s for s in path] if escapes else path
        self.path = path
        self.raw = raw

    @property
    def target(self) -> str:
        """The target as sent."""
        return str(self.raw or b"", "utf-8")

    def _read_tail(self, tail: bytes) -> None:
        self.tail = None  # nothing is remembered of what is refused
        line_end = tail.find(b"\r\n")
        version = tail[:line_end]
        if version != b"HTTP/1.1" and version != b"HTTP/1.0":
            _check_version(version)
        self.http10 = version == b"HTTP/1.0"
        self.read_headers(tail[line_end:-4])
        self.tail = tail

    def read_headers(self, block: bytes) -> None:
        """Parse the header lines, which begin with a CR LF. Raises ``Fault``."""
        self.headers = block
        self.expects = False
        self.kind = host = length = None
        is_chunked = False
        options = b""
        lines = block.split(b"\r\n")
        if len(lines) > _MAX_HEADERS:
            raise _refusal(_MANY)
        bare = block.replace(b"\r\n", b"")
        if b"\n" in bare or b"\r" in bare or b"\0" in bare:
            raise _refusal(_CONTROL)
        for i in range(1, len(lines)):  # the part before the first CRLF is empty
            line = lines[i]
            colon = line.find(b":")
            name = line[:colon].lower()
            if colon < 1 or not _is_token(name):
                raise _refusal(_HEADER)
            value = line[colon + 1 :].strip(b" \t")  # RFC 9110, 5.6.3: no other white space
            if name == b"content-length":
                if length is not None or not value.isdigit():
                    raise _refusal(_LENGTH)
                length = int(value) if len(value) < 10 else _TOO_LONG
            elif name == b"transfer-encoding":
                if is_chunked or value.lower() != b"chunked":
                    raise _refusal(_ENCODING)
                is_chunked = True
            elif name == b"connection":
                options += value.lower() + b","
            elif name == b"content-type":
                self.kind = value.split(b";", 1)[0].strip(b" \t").lower()
            elif name == b"expect":
                self.expects = value.lower() == b"100-continue" and not self.http10
            elif name == b"host":
                if host is not None:
                    raise _refusal(_TWO_HOSTS)
                host = value
        if is_chunked and (length is not None or self.http10):
            # RFC 9112, 6.1: this is how requests are smuggled past a proxy.
            raise _refusal(_TWO_LENGTHS)
        self.length = -1 if is_chunked else length or 0
        values = [option.strip(b" \t") for option in options.split(b",")]
        self.stays = b"close" not in values and (not self.http10 or b"keep-alive" in values)
        if host is None:
            if not self.http10:
                raise _refusal(_NO_HOST)  # RFC 9112, 3.2
            return
        colon = host.find(b":")
        if host.strip(_HOST) or (colon >= 0 and not (colon and host[colon + 1 :].isdigit())):
            _check_authority(host)

    def header(self, name: str) -> bytes | None:
        """Return the value of the first header with that name (lower case), or None."""
        wanted = name.encode()
        for line in (self.headers or b"").split(b"\r\n"):
            colon = line.find(b":")
            if line[:colon].lower() == wanted:
                return line[colon + 1 :].strip(b" \t")
        return None


def _is_token(name: bytes) -> bool:
    """Return whether ``name``, in lower case, is a token (RFC 9110, 5.6.2)."""
    # Nearly all names consist of letters and "-".
    if name.replace(b"-", b"").isalpha():
        return True
    return bool(name) and not name.strip(b"abcdefghijklmnopqrstuvwxyz0123456789-!#$%&'*+.^_`|~")


def unquote(data: bytes, plus: bool = False) -> str:
    """Undo percent-encoding (and ``+`` for a space in a query). Raises ``Fault(400)``."""
    if plus and b"+" in data:
        data = data.replace(b"+", b" ")
    try:
        if b"%" in data:
            parts: list = data.split(b"%")
            for i in range(1, len(parts)):
                part = parts[i]
                if len(part) < 2 or part[:2] == b"00":  # a NUL would end a file's name
                    raise ValueError
                parts[i] = unhexlify(part[:2]) + part[2:]
            data = b"".join(parts)
        return text(data)
    except ValueError:  # also UnicodeError
        raise _refusal(_ESCAPE)


def text(data: bytes | bytearray) -> str:
    """Return ``data`` as a str. Raises ``UnicodeError`` if it is not UTF-8."""
    decoded = str(data, "utf-8")
    if len(decoded) != len(data):
        # MicroPython also accepts overlong forms and surrogates, which clients cannot decode.
        from .. import utf8

        if utf8.flaw(data) >= 0:
            raise UnicodeError
    return decoded


@cold
def framed(data: bytes) -> int:
    """Return the number of bytes to skip before a request line.

    Raises ``Fault(400)`` if nothing valid can follow. Called when the end of a head has not come
    yet, so that invalid data is refused immediately and not only after the time limit.
    """
    start = 0
    while data[start : start + 2] == b"\r\n":  # RFC 9112, 2.2: empty lines before a request
        start += 2
    newline = data.find(b"\n", start)
    if newline >= 0:
        if data[newline - 1 : newline] != b"\r":
            raise _refusal(_LINE_END)
        if data.count(b" ", start, newline) != 2:
            raise _refusal(_LINE)
    elif start < len(data) and not 33 <= data[start] <= 126 and data[start:] != b"\r":
        raise _refusal(_LINE)
    return start


@cold
def _refusal(what: int) -> Fault:
    """Return why a head is refused. In the code above, the texts would take 700 bytes of heap."""
    texts = (
        "the request line is not 'METHOD target HTTP/1.1'",
        "malformed percent-encoding, or not UTF-8",
        "lines must end in CR LF",
        "more than %d headers" % _MAX_HEADERS,
        "a CR, LF or NUL inside a header line",
        "malformed header",
        "Content-Length: expected one number",
        "Transfer-Encoding: only 'chunked' is understood",
        "more than one Host header",
        "the Host header is missing",
        "Transfer-Encoding with Content-Length, or with HTTP/1.0",
    )
    return Fault(431 if what == _MANY else 400, texts[what])


@cold
def _check_version(data: bytes) -> None:
    """Raise ``Fault`` for a version other than ``HTTP/1.x``."""
    if len(data) != 8 or data[:5] != b"HTTP/" or data[6] != 46:
        raise _refusal(_LINE)
    if not data[5:6].isdigit() or not data[7:].isdigit():
        raise _refusal(_LINE)
    if data[5] != 49:
        raise Fault(505, "speak HTTP/1.1")


@cold
def _rare_target(data: bytes) -> bytes:
    """Return the path and query of a target that is not a plain path. Raises ``Fault(400)``."""
    if not data:
        raise _refusal(_LINE)
    for c in data:
        if c < 33 or c == 127:
            raise Fault(400, "the target holds white space or a control character")
    if b"#" in data:  # 9112, 3.2: a client keeps the fragment
        raise Fault(400, "the target holds a #: write %23")
    try:
        text(data)
    except UnicodeError:
        raise Fault(400, "the target is not UTF-8")
    if data[:1] == b"/":
        return data
    if data == b"*":  # 9112, 3.2.4: the server as a whole
        return b""
    if data[:7].lower() == _HTTP:  # 9112, 3.2.2: from proxies
        end = 7
        while end < len(data) and data[end] not in b"/?":
            end += 1
        if end == 7:
            raise Fault(400, "the target names no host")
        _check_authority(data[7:end])
        return data[end:] if data[end : end + 1] == b"/" else b"/" + data[end:]
    raise Fault(400, "the target must begin with a slash")


@cold
def _check_authority(data: bytes) -> None:
    """Raise ``Fault(400)`` unless ``data`` is a host, perhaps with a port (9110, 7.2)."""
    host, colon, port = data.partition(b":")
    if data[:1] == b"[":  # an IPv6 address
        host, bracket, port = data[1:].partition(b"]")
        valid = bracket and b":" in host and not host.strip(b"0123456789abcdefABCDEF:.")
        colon, port = port[:1], port[1:]
        valid = valid and colon in (b"", b":")
    else:
        valid = bool(host) or not data
        for c in host:
            if not (48 <= c <= 57 or 65 <= c <= 90 or 97 <= c <= 122):
                valid = valid and c in b"-._~!$&'()*+,;=%"
        unquote(host)
    if not valid or (port and not port.isdigit()):
        raise Fault(400, "Host: expected a name or an address, perhaps with a port")


@cold
def join_surrogates(text: bytes) -> bytes:
    """Return JSON text with each pair of escapes as the character it stands for.

    ``json`` of CPython and of browsers may write a character beyond U+FFFF as two escapes, each a
    backslash, u and four digits (RFC 8259, 7). MicroPython reads these as two characters, which
    UTF-8 cannot encode, and accepts any four characters as digits.

    Raises ``Fault(400)``, or ``ValueError`` for an escape that is malformed.
    """
    from ..utf8 import encoded

    parts = []
    begin = at = 0
    while True:
        at = text.find(b"\\", at)
        if at < 0:
            break
        high = _unit(text, at)
        if not 0xD800 <= high < 0xE000:
            at += 2
            continue
        low = _unit(text, at + 6)
        if high >= 0xDC00 or not 0xDC00 <= low < 0xE000:
            raise Fault(400, "unpaired surrogate in a string")
        parts.append(text[begin:at])
        parts.append(encoded(0x10000 + ((high - 0xD800) << 10) + low - 0xDC00))
        begin = at = at + 12
    parts.append(text[begin:])
    return b"".join(parts)


def _unit(text: bytes, at: int) -> int:
    """Return the number in the escape at that offset; -1 if there is none.

    Raises ``ValueError`` for one without four hexadecimal digits.
    """
    if text[at : at + 2] != b"\\u":
        return -1
    digits = unhexlify(text[at + 2 : at + 6])
    if len(digits) != 2:
        raise ValueError
    return int.from_bytes(digits, "big")
