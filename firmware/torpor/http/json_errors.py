"""Why a result cannot be sent as JSON."""

from ..cold import cold

_LACKS = "%s: JSON has no %s, return %s"
_INSTEAD = {
    "set": "a list",
    "frozenset": "a list",
    "bytes": "text, or the bytes alone",
    "bytearray": "text, or the bytes alone",
    "generator": "a list, or await it",
}


@cold
def check_text(value, data) -> None:
    """Raise ``ValueError`` if ``data``, which ``value`` was written as, is not UTF-8.

    A ``str`` of MicroPython can hold half a surrogate pair.
    """
    from .unusual import check_utf8

    try:
        check_utf8(data)
    except UnicodeError:
        refuse(value, "")
        raise


@cold
def refuse(value, path: str) -> None:
    """Raise ``ValueError`` for the first part of ``value`` that an answer cannot hold.

    Args:
        value: What a handler has returned.
        path: The way to it, such as ``rows[0].celsius``; empty for the whole.
    """
    kind = type(value)
    if isinstance(value, dict):
        for key in value:
            if isinstance(key, str):
                _refuse_half_pair(key, "a key of " + (path or "the answer"))
            refuse(value[key], "%s.%s" % (path, key) if path else str(key))
    elif kind is tuple or isinstance(value, list):
        for i in range(len(value)):
            refuse(value[i], "%s[%d]" % (path, i))
    elif isinstance(value, str):
        _refuse_half_pair(value, path or "the answer")
    elif kind is float:
        if value - value != 0:
            raise ValueError(_LACKS % (path or "the answer", value, "None for it"))
    elif value is not None and not isinstance(value, (int, bool)):
        instead = _INSTEAD.get(kind.__name__, "a list, a dict, text or a number")
        raise ValueError(_LACKS % (path or "the answer", kind.__name__, instead))


def _refuse_half_pair(value: str, path: str) -> None:
    for c in value:
        if 0xD800 <= ord(c) < 0xE000:
            raise ValueError(
                "%s: U+%04X is half a surrogate pair, not a character" % (path, ord(c))
            )
