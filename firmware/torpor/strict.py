"""Strict mode: calls in memory behave like calls over a network, and results match annotations.

In a strict image the wiring puts a ``CheckedPeer`` between a service and each of its peers.
Arguments and results are then encoded and decoded, each side has its own objects, and a value that
would be lost or changed on the way is a ``StrictError`` that names the call, the argument and the
value. The linker puts this module into strict images only: those of ``torpor sim --strict`` and of
tests.
"""

import json
import struct

from micropython import const

from . import Fault, log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


_SHOWN = const(120)  # characters of a value in a message
_EXACT = const(1 << 24)  # up to here a chip's float, which has 24 bits, holds every whole number

found = []
"""All errors so far: a service may have caught the one that was raised."""


class StrictError(Exception):
    """A call between services that would fail, or give another result, over a network."""


class CheckedPeer:
    """A peer as ``caller`` sees it; other attributes come from the service as they are.

    ``contract`` is method -> (((argument, type) or (argument, type, default), ...), type of the
    result). A type is as in ``link/encoding.py``: int, object, None, [item], {"": value},
    (one, other) and {tuple: (one, other)}.
    """

    def __init__(self, caller: str, name: str, service: "Any", contract: dict) -> None:
        self._strict = (caller, name, service, contract, {})

    def __getattr__(self, method: str):
        caller, name, service, contract, handed = self._strict
        if method not in contract:
            return getattr(service, method)
        label = "%s -> %s.%s" % (caller, name, method)
        function = getattr(service, method)
        arguments, returns = contract[method]

        def call(*args, **kwargs):
            return _call(label, function, arguments, returns, args, kwargs, handed)

        return call


async def _call(label, function, arguments, returns, args, kwargs, handed):
    given = _bind(label, arguments, args, kwargs)
    sent = []
    for (name, kind), value in given:
        sent.append(_cross("%s(%s=" % (label, name), ")", kind, value))
    before = [_text(value) for value in sent]
    try:
        result = function(*sent)
        if not hasattr(result, "send"):
            raise _error("%s() is not async: it returned %s" % (label, _shown(result)))
        result = await result
    except (Fault, StrictError, AssertionError):
        raise
    except Exception as e:
        # Over a network a peer's bug is a 500; its traceback stays with the peer.
        log.Log(label.split(" ")[-1].split(".")[0]).exception(e, label)
        fault = Fault(500, "internal error")
        fault.cause = e  # type: ignore[attr-defined]  # for the report of a test
        raise fault
    for i in range(len(sent)):
        if _text(sent[i]) != before[i]:
            raise _error(
                "%s(%s=%s) has changed its argument, to %s: over a network the caller keeps its own"
                % (label, given[i][0][0], _cut(before[i]), _shown(sent[i]))
            )
    _look_for_shared(label, result, handed)
    copy = _cross(label + "() returned ", "", returns, result)
    if isinstance(result, (list, dict)):
        handed[label] = (result, copy, _text(copy))
    return copy


async def route(label: str, kind: "Any", call: "Any") -> "Any":
    """Await the result of a route's method.

    Raises ``StrictError`` if its annotation does not allow it, or JSON cannot hold it.
    """
    result = await call
    wrong = _unfit_answer(kind, result)
    if wrong:
        raise _error("%s returned %s: %s" % (label, _shown(result), wrong))
    return result


def _unfit_answer(kind, result):
    """Return why a route cannot return ``result``, perhaps a tuple with status and headers."""
    kinds = kind if type(kind) is tuple else (kind,)
    tuples = [k[tuple] for k in kinds if type(k) is dict and tuple in k]
    if type(result) is not tuple:
        plain = tuple(k for k in kinds if type(k) is not dict or tuple not in k)
        if plain:
            return _unfit(plain[0] if len(plain) == 1 else plain, result, "")
        return "expected tuple, got %s" % _name(type(result))
    for each in tuples:
        if len(each) == len(result):
            for i in range(len(result)):
                part = "" if i == 0 else ("the status", "the headers")[i - 1]
                wrong = _unfit(each[i], result[i], part)
                if wrong:
                    return wrong
            return None
    if tuple in kinds or object in kinds:
        return _unfit(object, result[0], "")
    return "expected %s, got a tuple of %d" % (_shown_kind(kind), len(result))


def _shown_kind(kind):
    """Return a type in the form of its annotation."""
    form = type(kind)
    if form is tuple:
        return " | ".join([_shown_kind(k) for k in kind])
    if form is list:
        return "list[%s]" % _shown_kind(kind[0])
    if form in (str, int, bool):
        return repr(kind)
    if form is not dict:
        return "None" if kind is None else "Any" if kind is object else kind.__name__
    if _is_limited(kind):
        return next(k.__name__ for k in kind)
    if tuple in kind:
        return "tuple[%s]" % ", ".join([_shown_kind(k) for k in kind[tuple]])
    return "dict[str, %s]" % _shown_kind(kind[""]) if "" in kind else "dict"


def _bind(label, arguments, args, kwargs):
    """Return pairs of (name, type) and value, in the method's order."""
    if len(args) > len(arguments):
        raise _error("%s() takes %d arguments, got %d" % (label, len(arguments), len(args)))
    bound = []
    kwargs = dict(kwargs)
    for i in range(len(arguments)):
        name = arguments[i][0]
        if i < len(args):
            if name in kwargs:
                raise _error("%s() got %s twice" % (label, name))
            value = args[i]
        elif name in kwargs:
            value = kwargs.pop(name)
        elif len(arguments[i]) == 3:
            value = arguments[i][2]
        else:
            raise _error("%s() lacks its argument %s" % (label, name))
        bound.append((arguments[i][:2], value))
    for name in kwargs:
        raise _error("%s() has no argument %s" % (label, name))
    return bound


def _cross(before, after, kind, value):
    """Return ``value`` as the other side gets it: encoded and decoded. Raises ``StrictError``."""
    wrong = _unfit(kind, value, "")
    if wrong:
        raise _error("%s%s%s: %s" % (before, _shown(value), after, wrong))
    if type(value) is bytes:
        return value
    text = json.dumps(value)
    copy = json.loads(text)
    if copy != value:
        raise _error("%s%s%s arrives as %s" % (before, _shown(value), after, _shown(copy)))
    return copy


def _unfit(kind, value, path):
    """Return why ``value`` at ``path`` cannot be sent as a ``kind``; None if it can."""
    of = path + " " if path else ""
    t = type(value)
    if t is tuple:
        return "%sis a tuple, which arrives as a list" % (of or "it ")
    if t is float and value - value != 0:
        return "%sis %s, which JSON cannot hold" % (of or "it ", value)
    if t is float and not -_EXACT <= value <= _EXACT and _single(value) != value:
        return "%sloses digits: a chip's float would hold %d" % (of or "it ", _single(value))
    if (kind is not None and type(kind) not in (type, tuple, list, dict)) or _is_limited(kind):
        from .http.fields import fits, reason

        return None if fits(value, kind) else reason(value, kind, path).lstrip(": ")
    if type(kind) is tuple:
        reasons = [_unfit(one, value, path) for one in kind if one is not ...]
        if None in reasons:
            return None
        # The reason with the longest path is that of the intended option.
        return max(reasons, key=len) if t is list or t is dict else reasons[0]
    if not _fits(kind, t):
        name = _shown_kind(kind).split("[")[0]
        return "%sexpected %s, got %s" % (of and of[:-1] + ": ", name, _name(t))
    if t is list or t is dict:
        return _unfit_inside(kind, value, path)
    if kind is object and t not in (str, int, float, bool, type(None)):
        return "%sis a %s, which JSON cannot hold" % (of or "it ", _name(t))
    return None


def _unfit_inside(kind, value, path):
    """Return the same for the items of a list or a dict."""
    if type(value) is list:
        item = kind[0] if type(kind) is list else object
        for i in range(len(value)):
            wrong = _unfit(item, value[i], "%s[%d]" % (path, i))
            if wrong:
                return wrong
        return None
    fields = kind if type(kind) is dict else {"": object}
    for key in fields:
        if key and key not in value and not _may_be_absent(fields[key]):
            return "%s[%r]: missing" % (path, key)
    for key in value:
        if type(key) is not str:
            return "%sthe key %r is not text and arrives as %r" % (
                path + ": " if path else "",
                key,
                str(key),
            )
        item = fields.get(key, fields.get("", object))
        wrong = _unfit(item, value[key], "%s[%r]" % (path, key))
        if wrong:
            return wrong
    return None


def _is_limited(kind):
    """Return whether a type is like ``{int: (1, 100)}``, or a choice between values."""
    if type(kind) is tuple:
        return type(kind[-1]) in (str, int, bool)
    return type(kind) is dict and (int in kind or float in kind or str in kind)


def _may_be_absent(kind):
    return type(kind) is tuple and kind[0] is ...


def _fits(kind, t):
    """Return whether a value of type ``t`` may be of this kind; its items are not checked."""
    if kind is object:
        return True
    if kind is float:
        return t is float or t is int
    return t is (kind if type(kind) is type else type(kind))


def _name(t):
    return "None" if t is type(None) else t.__name__


def _single(value):
    """Return ``value`` rounded to a float of 32 bits."""
    return struct.unpack("f", struct.pack("f", value))[0]


def _look_for_shared(label, result, handed):
    """Raise if the caller has changed an earlier result and ``result`` holds that object."""
    if label not in handed:
        return
    given, copy, text = handed[label]
    if _text(copy) != text and _holds(result, given):
        raise _error(
            "%s() gave out the same object twice, and the caller had changed it from %s to %s: "
            "over a network the two share nothing" % (label, _cut(text), _shown(copy))
        )


def _holds(new, old):
    """Return whether a container in ``new`` is also in ``old``."""
    old_ids = set()
    _identities(old, old_ids)
    new_ids = set()
    _identities(new, new_ids)
    return bool(old_ids & new_ids)


def _identities(value, into):
    if isinstance(value, (list, dict)):
        into.add(id(value))
        for inner in value.values() if isinstance(value, dict) else value:
            _identities(inner, into)


def _text(value):
    return json.dumps(value) if isinstance(value, (list, dict)) else ""


def _shown(value):
    return _cut(repr(value))


def _cut(text):
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


def _error(text):
    error = StrictError(text)
    found.append(error)
    return error
