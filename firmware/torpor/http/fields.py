"""Checks of records in requests, field by field.

The build's route binders call ``shaped`` for arguments that are or contain records. Only images
with such a route have this module.
"""

from .. import Fault
from ..cold import cold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


_WORDS = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "an object",
}


def shaped(value: "Any", name: str, like: "Any") -> "Any":
    """Return ``value`` if it is None or matches ``like``, encoded as in ``link/encoding.py``.

    Fields that a record does not have are ignored. Raises ``Fault(400)`` with the path to the first
    value that is wrong.
    """
    if value is not None and not fits(value, like):
        raise Fault(400, reason(value, like, name))
    return value


def fits(value: "Any", like: "Any") -> bool:
    """Return whether ``value`` matches ``like``."""
    form = type(like)
    if form is type:
        t = type(value)
        return t is like or like is object or (like is float and t is int)
    if form is list:
        if type(value) is not list:
            return False
        inner = like[0]
        for item in value:
            if not fits(item, inner):
                return False
        return True
    if form is tuple:
        for each in like:
            if fits(value, each):
                return True
        return False
    if form is not dict:
        return type(value) is form and value == like
    if type(value) is not dict:
        return _is_within(value, like)
    if "" in like:
        inner = like[""]
        for key in value:
            if not fits(value[key], inner):
                return False
        return True
    for key in like:
        kind = like[key]
        if key in value:
            item = value[key]
            if type(item) is not kind and not fits(item, kind):
                return False
        elif type(kind) is not tuple or kind[0] is not ...:
            return False
    return True


def _is_within(value, like) -> bool:
    """Return whether a number, or the length of a string, is within ``{int: (1, 100)}``."""
    for kind in like:
        t = type(value)
        if t is not kind and (kind is not float or t is not int):
            return False
        limits = like[kind]
        size = len(value) if kind is str else value
        if limits[0] is not None and size < limits[0]:
            return False
        if limits[1] is not None and size > limits[1]:
            return False
        if len(limits) == 3:
            import re

            try:
                return bool(re.match(limits[2], value))
            except RuntimeError:  # the pattern recurses too deeply for this string
                return False
    return bool(like)


@cold
def reason(value: "Any", like: "Any", path: str) -> str:
    """Return the reason: ``points[3].celsius: expected a number, got 'x'``."""
    form = type(like)
    if form is tuple:
        return _reason_of_union(value, like, path)
    if form is list and type(value) is list:
        for i in range(len(value)):
            if not fits(value[i], like[0]):
                return reason(value[i], like[0], "%s[%d]" % (path, i))
    if form is dict and type(value) is dict and not _limited(like):
        for key in value if "" in like else like:
            kind = like.get("", like.get(key))
            if key not in value:
                if type(kind) is not tuple or kind[0] is not ...:
                    return "%s.%s: missing" % (path, key)
            elif not fits(value[key], kind):
                step = "[%s]" % _shown(key) if "" in like else "." + key
                return reason(value[key], kind, path + step)
    return "%s: expected %s, got %s" % (path, _words(like), _shown(value))


def _reason_of_union(value, like, path):
    """Return the reason for the intended option: the one of the same form or with the same tag."""
    form = type(value)
    same = [each for each in like if form in (list, dict) and type(each) is form]
    if form is dict:
        same = [each for each in same if not _limited(each)]
    if len(same) == 1:
        return reason(value, same[0], path)
    tag, values = _tag(same)
    if tag:
        if tag not in value:
            return "%s.%s: missing" % (path, tag)
        for each in same:
            if fits(value[tag], each[tag]):
                return reason(value, each, path)
        value, like, path = value[tag], values, path + "." + tag
    return "%s: expected %s, got %s" % (path, _words(like), _shown(value))


def _tag(records):
    """Return the field whose literals differ in all records, and the literals; None without one.

    The build refuses a union of records without a tag.
    """
    for key in records[0] if records else ():
        values: "Any" = ()
        for like in records:
            literals = like.get(key) if type(like) is dict else None
            values += literals if type(literals) is tuple else (literals,)
        if all(type(v) in (str, int, bool) for v in values) and len(values) == len(set(values)):
            return key, values
    return None, ()


def _words(like):
    form = type(like)
    if form is tuple:
        words = []
        for each in like:
            text = "" if each is ... else _words(each)
            if text and text not in words:
                words.append(text)
        if len(words) == 1:
            return words[0]
        return ", ".join(words[:-1]) + " or " + words[-1]
    if like is None:
        return "null"
    if form is type:
        return _WORDS.get(like, "a value")
    if form is dict and _limited(like):
        return _words_of_limits(like)
    return _WORDS[form] if form in (list, dict) else repr(like)


def _limited(like):
    """Return the type that ``{int: (1, 100)}`` limits, or None for another dict."""
    for key in like:
        return key if type(key) is type else None
    return None


def _words_of_limits(like):
    kind = _limited(like)
    low, high = like[kind][:2]
    if kind is str and low is not None and low == high:
        text = " of %d characters" % low
    elif low is not None and high is not None:
        text = (" of %d to %d characters" if kind is str else " from %s to %s") % (low, high)
    elif low is not None:
        text = " of at least %s" % low
    else:
        text = "" if high is None else " of at most %s" % high
    if kind is str and text and (low is None or high is None):
        text += " characters"
    if len(like[kind]) == 3:
        text += " that matches " + like[kind][2]
    return _WORDS[kind] + text


def _shown(value) -> str:
    from .args import shown

    return shown(value)
