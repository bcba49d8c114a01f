"""Writes plain values as readable Python source."""

from __future__ import annotations

import json
import math
from typing import Any

WIDTH = 96


class Code(str):
    """Source text that stands for itself inside a literal."""


def literal(value: Any, *, indent: int = 0, column: int = 0) -> str:
    """The source of ``value``: str, int, float, bool, None, ``Code``, and lists, tuples and dicts.

    It has one line if it fits behind ``column``, else one line for each element, indented by
    ``indent`` spaces.
    Raises ``TypeError`` for anything else.
    """
    text = one_line(value)
    if column + len(text) <= WIDTH or not isinstance(value, dict | list | tuple) or not value:
        return text
    deeper = indent + 4
    pad = " " * deeper
    lines = []
    for key, item in value.items() if isinstance(value, dict) else ((None, i) for i in value):
        head = "" if key is None else f"{one_line(key)}: "
        lines.append(f"{pad}{head}{literal(item, indent=deeper, column=deeper + len(head) + 1)},")
    brackets = "{}" if isinstance(value, dict) else "[]" if isinstance(value, list) else "()"
    return "\n".join([brackets[0], *lines, " " * indent + brackets[1]])


def one_line(value: Any) -> str:
    """The source of ``value``, as ``literal`` writes it, on one line."""
    if isinstance(value, Code):
        return str(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)  # its escapes are Python's too
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    if value is None or isinstance(value, bool | int | float):
        return repr(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{one_line(k)}: {one_line(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(one_line, value)) + "]"
    if isinstance(value, tuple):
        return "(" + ", ".join(map(one_line, value)) + ("," if len(value) == 1 else "") + ")"
    raise TypeError(f"no literal for {type(value).__name__}")
