"""Checks of records in requests, field by field.

The build's route binders call ``shaped`` for arguments that are records or hold some. Only images
with such a route have this module.
"""

from ..service import Fault


def shaped(value, name, like):
    """``value`` if it is as in ``like``, which is as in ``link/encoding.py``, or None.

    Fields that a record does not have are ignored. Raises ``Fault(400)`` with the path to the first
    value that is wrong.
    """
    if value is not None and not fits(value, like):
        from . import mismatch

        raise Fault(400, mismatch.reason(value, like, name))
    return value


def fits(value, like) -> bool:
    """Whether ``value`` is as in ``like``."""
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
    """Whether a number or a string has its place between the limits of ``{int: (1, 100)}``."""
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
            except RuntimeError:  # the pattern goes too deep for this string
                return False
    return bool(like)
