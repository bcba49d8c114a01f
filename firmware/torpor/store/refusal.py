"""Explains why a value cannot be stored: a status, and a message with the path in the value."""

from micropython import const

from ..cold import cold
from .plain import LEVELS, utf8

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_PATH = const(100)  # characters of a path in a message
_KEY = const(32)  # and of a key
_REMEDIES = {
    "set": "store a list",
    "frozenset": "store a list",
    "tuple": "store a list",
    "range": "store a list",
    "array": "store a list",
    "bytes": "store its hex() or base64",
    "bytearray": "store its hex() or base64",
    "memoryview": "store its hex() or base64",
}


@cold
def reason(value: "Any", most: int, what: str) -> tuple[int, str]:
    """Return the status and the message for a ``value``, called ``what``, that cannot be stored."""
    if type(value) is not dict:
        return 400, "the %s is %s, not a dict" % (what, _a(value))
    left = most - 2
    inside: list = [(value, iter(value))]  # from the outermost container to the innermost
    steps: list = [None]  # the key or index in each
    while inside:
        container, places = inside[-1]
        step: Any = next(places, inside)
        if step is inside:
            inside.pop()
            steps.pop()
            continue
        steps[-1] = step
        item = container[step]
        left -= 2 + (len(item) if type(item) is str else 0)
        if type(container) is dict:
            if type(step) is not str:
                text = "%s has a key that is %s: keys are of type str"
                return 400, text % (_path(what, steps[:-1]), _a(step))
            left -= 3 + len(step)
        if left < 0:
            break
        wrong = _wrong(item, len(inside))
        if type(container) is dict and utf8(step) is None:
            wrong = "has a key that is not UTF-8"
        if wrong:
            return 400, "%s %s" % (_path(what, steps), wrong)
        if type(item) is dict or type(item) is list:
            inside.append((item, iter(item if type(item) is dict else range(len(item)))))
            steps.append(None)
    return 413, "a %s has at most %d bytes of JSON" % (what, most)


def _path(what: str, steps: list) -> str:
    for step in steps:
        if len(what) > _PATH:
            return what + "..."
        if isinstance(step, str):
            step = '"%s"' % (step if utf8(step) else "?")[:_KEY]
        what += "[%s]" % step
    return what


def _a(value) -> str:
    name = type(value).__name__ or repr(value)  # MicroPython has no name for the type of "..."
    return "None" if value is None else "%s %s" % ("an" if name[0] in "aeiouAEIOU" else "a", name)


def _wrong(value, level: int) -> str:
    """Return what is wrong with a value, apart from its parts; empty if nothing is."""
    kind = type(value)
    if kind is str:
        return "is not UTF-8 (unpaired surrogate?)" if utf8(value) is None else ""
    if kind is float:
        return "is %s, which JSON does not have: store None" % value if value - value != 0 else ""
    if kind is dict or kind is list:
        return "" if level < LEVELS else "is deeper than %d levels" % LEVELS
    if kind is int:
        return "" if value >> 63 in (0, -1) else "has more than 64 bits: store a str"
    if kind is bool or value is None:
        return ""
    remedy = _REMEDIES.get(kind.__name__, "store a str, a number, a list or a dict")
    return "is %s, which would not come back as it was: %s" % (_a(value), remedy)
