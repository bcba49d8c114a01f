"""Rare parts of requests: targets that are not a plain path, text that is not plain ASCII.

Bodies that nobody wants are skipped here, too.

References are to RFC 9112 and RFC 9110.
"""

from micropython import const

from ..cold import cold
from ..service import Fault
from .routes import find
from .wire import LINE, MAX_BODY, text, unquote

_HTTP = b"http://"
_SHOWN = const(57)  # characters of a value in a message
_LARGE = const(1 << 62)
# RFC 3629, 4: bytes that begin no character, and those after which not every byte may come.
_NO_LEADS = (b"\xc0", b"\xc1", b"\xf5", b"\xf6", b"\xf7")
_LIMITED = (
    (b"\xe0", 0xA0, 0xBF),  # others are overlong
    (b"\xed", 0x80, 0x9F),  # others are surrogates
    (b"\xf0", 0x90, 0xBF),
    (b"\xf4", 0x80, 0x8F),  # others are beyond U+10FFFF
)


@cold
def version(data: bytes) -> None:
    """Raises ``Fault`` for a version other than ``HTTP/1.x``."""
    if len(data) != 8 or data[:5] != b"HTTP/" or data[6] != 46:
        raise Fault(400, LINE)
    if not data[5:6].isdigit() or not data[7:].isdigit():
        raise Fault(400, LINE)
    if data[5] != 49:
        raise Fault(505, "speak HTTP/1.1")


@cold
def target(data: bytes) -> bytes:
    """The path and query of a request target. Raises ``Fault(400)``."""
    if not data:
        raise Fault(400, LINE)
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
        authority(data[7:end])
        return data[end:] if data[end : end + 1] == b"/" else b"/" + data[end:]
    raise Fault(400, "the target must begin with a slash")


@cold
def authority(data: bytes) -> None:
    """Raises ``Fault(400)`` unless ``data`` is a host, perhaps with a port (9110, 7.2)."""
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
def check_utf8(data) -> None:
    """Raise ``UnicodeError`` for bytes that MicroPython's decoder accepts and RFC 3629 does not.

    These are overlong forms, surrogates, and numbers beyond U+10FFFF. ``data`` has passed that
    decoder.
    """
    data = bytes(data)  # a bytearray has no find
    for c in _NO_LEADS:
        if c in data:
            raise UnicodeError
    for lead, least, most in _LIMITED:
        at = data.find(lead)
        while at >= 0:
            if not least <= data[at + 1] <= most:
                raise UnicodeError
            at = data.find(lead, at + 3)


@cold
def check_digits(data, at: int, most: int) -> None:
    """Raises ``Fault(400)`` if a number in JSON text has ``most`` digits from ``at`` on."""
    run = bytes(data[at : at + most])
    if len(run) < most or not run.isdigit():
        return
    before = bytes(data[:at]).replace(b"\\\\", b"").replace(b'\\"', b"")
    if before.count(b'"') % 2 == 0:  # else they are in a string
        raise Fault(400, "a number has more than %d digits" % most)


@cold
def shown(value, room: int = _SHOWN) -> str:
    """Return ``value`` for a message, cut after about ``room`` characters.

    It works on no more than that: a client's value may be large, and a number of many digits takes
    long to be written.
    """
    kind = type(value)
    if kind is str:
        return repr(value) if len(value) < room else repr(value[:room]) + "..."
    if kind is int and not -_LARGE < value < _LARGE:
        return "a large number"
    if kind is not list and kind is not dict:
        return repr(value)
    ends = "[]" if kind is list else "{}"
    text = ends[0]
    for item in value:
        if len(text) > 1:
            text += ", "
        if len(text) >= room - 4:
            return text + "..."
        if kind is dict:
            text += shown(item, room - len(text)) + ": "
            item = value[item]
        text += shown(item, max(4, room - len(text) - 4))
    return text + ends[1]


@cold
def whole_server(request) -> None:
    """Raises the ``Fault`` that answers a request for ``*`` (9110, 9.3.7)."""
    if request.verb != "OPTIONS":
        raise Fault(400, "the target * is for OPTIONS")
    raise Fault(204, "", {"Allow": "DELETE, GET, HEAD, OPTIONS, POST, PUT"})


@cold
def too_long(listener, request) -> None:
    """Raise ``Fault(413)`` for a body that is too long, unless the application reads it.

    The application has limits of its own.
    """
    application = listener.routes.get("/")
    if not application or find(listener, request) is not application:
        raise Fault(413, "the body is larger than %d bytes" % MAX_BODY)


@cold
def before_body(listener, request) -> bool:
    """Return whether anybody takes the request, so that its body is asked for.

    Raises ``Fault`` for one that no route takes. One that the application has no route for is
    answered by the application, without its body.
    """
    handler = find(listener, request)
    if handler is not listener.routes.get("/"):
        return True
    if request.verb in handler[2](handler[1], request):
        return True
    request.keep = False
    return False
