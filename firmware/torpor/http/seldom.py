"""What few answers need. An overlay."""

from .. import overlay

overlay.until_collected(__name__)

REASONS = (
    "202 Accepted\n301 Moved Permanently\n302 Found\n303 See Other\n304 Not Modified\n"
    "400 Bad Request\n401 Unauthorized\n403 Forbidden\n405 Method Not Allowed\n"
    "408 Request Timeout\n409 Conflict\n413 Content Too Large\n415 Unsupported Media Type\n"
    "422 Unprocessable Content\n429 Too Many Requests\n431 Request Header Fields Too Large\n"
    "500 Internal Server Error\n503 Service Unavailable\n504 Gateway Timeout\n"
    "505 HTTP Version Not Supported\n507 Insufficient Storage\n"
)


def refuse_infinite(value, name) -> None:
    """Raises ``ValueError`` for a number in ``value`` that JSON does not have."""
    kind = type(value)
    if kind is float:
        if value - value != 0:
            raise ValueError("%s: JSON has no %s, return None for it" % (name, value))
    elif kind is dict:
        for key in value:
            refuse_infinite(value[key], key)
    elif kind is list or kind is tuple:
        for item in value:
            refuse_infinite(item, name)
