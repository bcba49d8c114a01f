"""What few answers need: reasons, and why a result cannot be sent. An overlay."""

from .. import cold

cold.until_collected(__name__)

REASONS = (
    "202 Accepted\n301 Moved Permanently\n302 Found\n303 See Other\n304 Not Modified\n"
    "400 Bad Request\n401 Unauthorized\n403 Forbidden\n405 Method Not Allowed\n"
    "408 Request Timeout\n409 Conflict\n413 Content Too Large\n414 URI Too Long\n"
    "415 Unsupported Media Type\n"
    "422 Unprocessable Content\n429 Too Many Requests\n431 Request Header Fields Too Large\n"
    "500 Internal Server Error\n503 Service Unavailable\n504 Gateway Timeout\n"
    "505 HTTP Version Not Supported\n507 Insufficient Storage\n"
)


_LACKS = "%s: JSON has no %s, return %s"
_INSTEAD = {
    "set": "a list",
    "frozenset": "a list",
    "bytes": "text, or the bytes alone",
    "bytearray": "text, or the bytes alone",
    "generator": "a list, or await it",
}


def refuse(value, path: str) -> None:
    """Raises ``ValueError`` for the first part of ``value`` that JSON does not have. ``path`` leads
    to ``value``: ``rows[0].celsius``."""
    kind = type(value)
    if isinstance(value, dict):
        for key in value:
            refuse(value[key], "%s.%s" % (path, key) if path else str(key))
    elif kind is tuple or isinstance(value, list):
        for i in range(len(value)):
            refuse(value[i], "%s[%d]" % (path, i))
    elif kind is float:
        if value - value != 0:
            raise ValueError(_LACKS % (path or "the answer", value, "None for it"))
    elif value is not None and not isinstance(value, (str, int, bool)):
        instead = _INSTEAD.get(kind.__name__, "a list, a dict, text or a number")
        raise ValueError(_LACKS % (path or "the answer", kind.__name__, instead))
