"""A type as the device reads it: values of Python that the wiring holds.

    int, str, bytes ...     the type itself; ``object`` is ``Any``, ``None`` is ``None``
    [int]                   a list of them
    {"": int}               a dict of them
    (int, None)             one of several
    {"at": int}             a record with its fields
    {"at": (..., int)}      a field that may be absent
    "low"                   this value, of a Literal
    {int: (1, 100)}         one from 1 to 100; of a str its length, and perhaps a third: its pattern
    {tuple: (dict, int)}    a route's result with its status

``torpor.http.args`` and ``torpor.http.fields`` check arguments by it, and ``torpor.strict`` calls
and results.
"""

from __future__ import annotations

from typing import Any

from ..model.types import UNION, Field, Type
from .literal import Code


def encoded(kind: Type) -> Any:
    """The value that stands for a type, to be written with ``literal``."""
    if kind.fields is not None:
        return {f.name: _field(f) for f in kind.fields} or Code("dict")
    if kind.name == UNION:
        options = [encoded(option) for option in kind.args]
        flat = (option if isinstance(option, tuple) else (option,) for option in options)
        return tuple(item for option in flat for item in option)
    if kind.choices:
        return kind.choices[0] if len(kind.choices) == 1 else kind.choices
    if kind.limits:
        limits = (kind.limits.low, kind.limits.high)
        pattern = kind.limits.pattern
        return {Code(kind.name): limits if pattern is None else (*limits, f"^(?:{pattern})$")}
    if kind.name == "None":
        return None
    if kind.name == "Any":
        return Code("object")
    if kind.name == "list" and kind.args:
        return [encoded(kind.args[0])]
    if kind.name == "dict" and kind.args:
        return {"": encoded(kind.args[1])}
    if kind.name == "tuple" and kind.args:
        return {Code("tuple"): tuple(map(encoded, kind.args))}
    return Code(kind.name)


def _field(field: Field) -> Any:
    inner = encoded(field.type)
    if field.required:
        return inner
    return (Code("..."), *inner) if isinstance(inner, tuple) else (Code("..."), inner)
