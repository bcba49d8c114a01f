"""Reads the arguments of a method from a request: by name, converted, checked.

The build's route binders call these: ``a.int_(q, "limit", 10)``. Arguments come from the query
string, where they are text, or from the fields of a JSON body, where they have a JSON type. A bad
one raises ``Fault(400)`` with the argument's name and the expected type.
"""

import json

from micropython import const

from .. import Fault
from ..cold import cold
from .wire import text, unquote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from .wire import Request


_DIGITS = const(300)  # in a number; twice as many are refused in a body, for int() is quadratic
_SHOWN = const(57)  # characters of a value in a message
_LARGE = const(1 << 62)
_REQUIRED = object()


def _lookup(q, name, default):
    fields = q.fields
    if fields is None and (q.query or q.body):
        fields = q.fields = _fields(q)
    if fields and name in fields:
        return fields[name]
    if default is _REQUIRED:
        raise Fault(400, "%s: missing" % name)
    return default


def _fields(q) -> dict:
    fields = {}
    if q.body:
        if q.kind != b"application/json":
            raise _unfit(q, False)
        try:
            fields = _loads(q.body)
        except (ValueError, RuntimeError):
            raise _unfit(q, False)
        except MemoryError:
            raise Fault(413, "the body takes more memory than is free")
        if type(fields) is not dict:
            raise _unfit(q, True)
    if q.query:
        for pair in q.query.split(b"&"):
            name, _, value = pair.partition(b"=")
            if name:
                fields[unquote(name, True)] = (unquote(value, True),)  # JSON has no tuples
    return fields


def _loads(data):
    """Return the value of JSON text. Raises ``ValueError``, ``RuntimeError``, ``MemoryError``."""
    for at in range(0, len(data), _DIGITS):
        if 48 <= data[at] <= 57:
            _check_digits(data, at, _DIGITS)
    if b"\\u" in data:
        from .wire import join_surrogates

        data = join_surrogates(bytes(data))
    return json.loads(text(data))


@cold
def _unfit(q, parsed: bool) -> Fault:
    """Return why a body has no arguments; ``parsed``: it is JSON."""
    if q.kind != b"application/json":
        return Fault(415, "send the body as Content-Type: application/json")
    return Fault(400, "the body is not a JSON object" if parsed else "the body is not JSON")


@cold
def _bad(name, expected, value):
    if type(value) is tuple:
        value = value[0]
    return Fault(400, "%s: expected %s, got %s" % (name, expected, shown(value)))


def any_(q: "Request", name: str, default: "Any" = _REQUIRED) -> "Any":
    """Return an argument of any JSON type. Raises ``Fault(400)``."""
    value = _lookup(q, name, default)
    if type(value) is tuple and value is not default:
        return value[0]
    if value is not default:
        _check([value], name)
    return value


def str_(q: "Request", name: str, default: "Any" = _REQUIRED) -> "Any":
    """Return an argument that is text. Raises ``Fault(400)``."""
    value = _lookup(q, name, default)
    if type(value) is tuple:
        return value[0]
    if value is not default and type(value) is not str:
        raise _bad(name, "text", value)
    return value


def int_(q: "Request", name: str, default: "Any" = _REQUIRED) -> "Any":
    """Return an argument that is a whole number. Raises ``Fault(400)``."""
    value = _lookup(q, name, default)
    if type(value) is tuple:
        return _int(name, value[0])
    if value is not default and type(value) is not int:
        raise _bad(name, "a whole number", value)
    return value


def float_(q: "Request", name: str, default: "Any" = _REQUIRED) -> "Any":
    """Return an argument that is a number. Raises ``Fault(400)``."""
    value = _lookup(q, name, default)
    if type(value) is tuple:
        return _float(name, value[0])
    if value is default:
        return value
    if type(value) is int:
        value = float(value)  # may be infinite
    if type(value) is not float or value - value != 0:
        raise _bad(name, "a number", value)
    return value


def bool_(q: "Request", name: str, default: "Any" = _REQUIRED) -> "Any":
    """Return an argument that is true or false. Raises ``Fault(400)``."""
    value = _lookup(q, name, default)
    if type(value) is tuple:
        return _bool(name, value[0])
    if value is not default and type(value) is not bool:
        raise _bad(name, "true or false", value)
    return value


def list_(q: "Request", name: str, default: "Any" = _REQUIRED) -> "Any":
    """Return an argument that is a list. Raises ``Fault(400)``."""
    return _json(q, name, default, list, "a list")


def dict_(q: "Request", name: str, default: "Any" = _REQUIRED) -> "Any":
    """Return an argument that is an object. Raises ``Fault(400)``."""
    return _json(q, name, default, dict, "an object")


def _json(q, name, default, kind, expected):
    value = _lookup(q, name, default)
    if type(value) is tuple:
        try:
            value = _loads(value[0].encode())
        except (ValueError, RuntimeError, MemoryError):
            raise _bad(name, expected, value)
    if value is not default:
        if type(value) is not kind:
            raise _bad(name, expected, value)
        _check(value, name)
    return value


def _check(value, name) -> None:
    """Refuse a list or a dict with values that JSON cannot hold. Raises ``Fault``.

    ``1e999`` is read as infinity, and MicroPython's reader takes keys that are not text.
    """
    try:
        sound = _is_sound(value)
    except RuntimeError:
        raise Fault(400, "%s: nested too deep" % name)
    if not sound:
        raise Fault(400, "%s: a number is too large, or a key is not text" % name)


def _is_sound(value) -> bool:
    items = value
    if type(value) is dict:
        for key in value:
            if type(key) is not str:
                return False
        items = value.values()
    for item in items:
        kind = type(item)
        if kind is float:
            if item - item != 0:
                return False
        elif (kind is dict or kind is list) and not _is_sound(item):
            return False
    return True


def opt_(convert: "Callable", q: "Request", name: str, default: "Any" = _REQUIRED) -> "Any":
    """Return an argument that may be null."""
    if _lookup(q, name, default) is None:
        return None
    return convert(q, name, default)


def inside(value: "Any", name: str, expected: str, like: "Any") -> "Any":
    """Return ``value``, a list or a dict, if its items match ``like``: ``[str]``, ``{"": int}``.

    A tuple is a choice, None is null, ``object`` is anything. ``expected`` describes it in words.
    """
    if value is not None and not _fits(value, like):
        raise _bad(name, expected, value)
    return value


def _fits(value, like):
    if like is object or value is like:
        return True
    kind = type(like)
    if kind is tuple:
        for each in like:
            if _fits(value, each):
                return True
        return False
    if kind is list or kind is dict:
        if type(value) is not kind:
            return False
        for item in value:  # for a dict, the keys, which are text in JSON
            if not (_fits(item, like[0]) if kind is list else _fits(value[item], like[""])):
                return False
        return True
    return type(value) is like or (like is float and type(value) is int)


def path_int(q: "Request", index: int, name: str) -> int:
    """Return a segment of the path as a whole number. Raises ``Fault(400)``."""
    return _int(name, q.path[index])


def path_float(q: "Request", index: int, name: str) -> float:
    """Return a segment of the path as a number. Raises ``Fault(400)``."""
    return _float(name, q.path[index])


def path_bool(q: "Request", index: int, name: str) -> bool:
    """Return a segment of the path as true or false. Raises ``Fault(400)``."""
    return _bool(name, q.path[index])


def _int(name, text: str):
    digits = text[1:] if text[:1] == "-" else text
    if len(text) > _DIGITS or not digits.isdigit():  # int() takes "1_0" and " 5 " too
        raise _bad(name, "a whole number", text)
    return int(text)


def _float(name, text):
    try:
        if text.strip("0123456789.-eE+") or text[:1] == "+":  # float() takes "1_0" and "inf" too
            raise ValueError
        value = float(text)
        if value - value != 0:  # infinite: JSON cannot hold it
            raise ValueError
    except ValueError:
        raise _bad(name, "a number", text)
    return value


def _bool(name, text):
    if text in ("true", "1"):
        return True
    if text in ("false", "0"):
        return False
    raise _bad(name, "true or false", text)


@cold
def _check_digits(data, at: int, most: int) -> None:
    """Raise ``Fault(400)`` if a number in JSON text has ``most`` digits from ``at`` on."""
    run = bytes(data[at : at + most])
    if len(run) < most or not run.isdigit():
        return
    before = bytes(data[:at]).replace(b"\\\\", b"").replace(b'\\"', b"")
    if before.count(b'"') % 2 == 0:  # else they are in a string
        raise Fault(400, "a number has more than %d digits" % most)


@cold
def shown(value: "Any", room: int = _SHOWN) -> str:
    """Return ``value`` for a message, cut after about ``room`` characters.

    It processes no more characters than that, because a client's value may be large, and writing a
    number with many digits takes long.
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
