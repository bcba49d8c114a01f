"""Values that may be stored: those that JSON returns unchanged."""

from json import dumps

from micropython import const

from ..cold import cold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


LEVELS = const(16)  # of dicts and lists: writing many more would overflow the C stack of a chip

ROW = const(2048)  # bytes of JSON in a row
_KEY = const(64)  # bytes of a key that is a str


@cold
def is_key(key: "Any", kind: type | None) -> bool:
    """Return whether ``key`` fits a table with keys of that type (None: of either type)."""
    own = type(key)
    if kind and own is not kind:
        return False
    if own is int:
        return key >> 63 in (0, -1)
    return own is str and 0 < len(utf8(key) or b"") <= _KEY


@cold
def utf8(text: str) -> bytes | None:
    """Return ``text`` encoded; None if it has half a surrogate pair or is otherwise not UTF-8."""
    data = text.encode()
    if len(data) != len(text):
        from ..utf8 import flaw

        if flaw(data) >= 0:
            return None
    return data


@cold
def packed(value: "Any", most: int = ROW) -> bytes | None:
    """Return the JSON of the dict ``value``.

    None if it would have more than ``most`` bytes or would not come back unchanged: ``refusal``
    finds the reason. Nothing larger than six times ``most`` is serialised.
    """
    if type(value) is not dict:
        return None
    level: list = [value]
    left = most
    for depth in range(LEVELS + 1):
        inner: list = []
        for item in level:
            kind = type(item)
            if kind is str:
                left -= len(item) + 1
            elif kind is int:
                if item >> 63 not in (0, -1):
                    return None
            elif kind is dict or kind is list:
                left -= (5 if kind is dict else 2) * len(item)
                if left < 0 or depth == LEVELS:
                    return None
                if kind is dict:
                    for key in item:
                        if type(key) is not str:
                            return None
                        left -= len(key)
                    item = item.values()
                inner.extend(item)
            elif kind is float:
                if item - item != 0:
                    return None
            elif kind is not bool and item is not None:
                return None
        if left < 0:
            return None
        if not inner:
            data = utf8(dumps(value, separators=(",", ":")))
            return data if data and len(data) <= most else None
        level = inner
    return None
