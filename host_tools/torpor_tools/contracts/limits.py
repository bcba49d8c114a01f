"""Reads ``Literal[...]`` and the limits of ``Annotated[...]`` into types."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ..model.types import Limits, Type

NAMES = ("Range", "Length", "Pattern")
# Syntax that MicroPython's re lacks: {2,3}, (?=...), (?P<...>), \b, \1.
# It ends a set at the first bracket: [] and [^] are empty.
_NOT_ON_DEVICE = re.compile(r"(?<!\\)\{|\(\?(?!:)|\\[A-CE-RT-VX-Za-ce-rt-vx-z0-9]|(?<!\\)\[\^?\]")
# It matches bytes, and such a character has several: [ä] and ä+ mean one of them.
_BYTES = re.compile(r"(?<!\\)\[[^]]*[^\x00-\x7f]|[^\x00-\x7f][?*+]")


def choice(nodes: list[ast.expr]) -> Iterator[Type | None]:
    """Yield the types of the values of a ``Literal``; None for a value that cannot be sent."""
    values: dict[str, list[str | int | bool]] = {}
    for node in nodes:
        try:
            value = ast.literal_eval(node)
        except ValueError:
            value = ...
        if value is None:
            yield Type("None")
        elif type(value) in (str, int, bool):
            values.setdefault(type(value).__name__, []).append(value)
        else:
            yield None
    for items in values.values():
        yield Type("Literal", choices=tuple(dict.fromkeys(items)))


def limited(type_: Type, nodes: list[ast.expr]) -> Type | None:
    """Return the type with the limits that calls of ``Range`` and the like set, or None."""
    for node in nodes:
        if wrong_limit(type_, node):
            return None
        if not isinstance(node, ast.Call) or _name(node) not in NAMES:
            continue
        limits = _limits(_name(node), _arguments(node))
        if limits is None:
            return None
        type_ = replace(type_, limits=_both(type_.limits, limits))
    return type_


def _name(node: ast.Call) -> str:
    return ast.unparse(node.func).rpartition(".")[2]


def wrong_limit(type_: Type, node: ast.expr) -> str:
    """Return the remedy for a limit that does not fit its type or cannot be read."""
    if not isinstance(node, ast.Call):
        name = ast.unparse(node).rpartition(".")[2]
        return f"write {name}(...) with what it allows" if name in NAMES else ""
    name = _name(node)
    if name not in NAMES:
        return ""
    fits = ("int", "float") if name == "Range" else ("str",)
    if type_.name not in fits:
        return f"{name} is for {' and '.join(fits)}, not for {type_}"
    given = _arguments(node)
    if given is None:
        return f"write the limits of {name} as constants"
    low, high = given.get("low"), given.get("high")
    if low is not None and high is not None and low > high:
        return f"exchange the limits: {low} is more than {high}"
    if name == "Length" and min(low or 0, high or 0) < 0:
        return "write a length of 0 or more"
    if name == "Pattern":
        return _wrong_pattern(type_, given.get("pattern"))
    both = _both(type_.limits, Limits(low, high))
    if both.low is not None and both.high is not None and both.low > both.high:
        return f"change the limits: together they allow nothing, from {both.low} to {both.high}"
    return ""


def _wrong_pattern(type_: Type, pattern: object) -> str:
    if type_.limits and type_.limits.pattern is not None:
        return f"write one Pattern: the type has {type_.limits.pattern} already"
    if not _is_pattern(pattern):
        return "use . [] ^ $ ? * + | () (?:) \\d \\s \\w only: MicroPython's re has no more"
    if _BYTES.search(str(pattern)):
        return "MicroPython's re matches bytes: write (?:ä|ö) for [äö] and (?:ä)+ for ä+"
    return ""


def _is_pattern(pattern: object) -> bool:
    if not isinstance(pattern, str) or _NOT_ON_DEVICE.search(pattern):
        return False
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True


def _arguments(node: ast.Call) -> dict[str, Any] | None:
    name = _name(node)
    names = ("pattern",) if name == "Pattern" else ("low", "high")
    kinds = (str,) if name == "Pattern" else (int,) if name == "Length" else (int, float)
    pairs = [*zip(names, node.args, strict=False)]
    pairs += [(k.arg or "", k.value) for k in node.keywords]
    found = {}
    for key, value in pairs:
        try:
            found[key] = ast.literal_eval(value)
        except ValueError:
            return None
        if key not in names or type(found[key]) not in (*kinds, type(None)):
            return None
    return found if len(node.args) <= len(names) else None


def _limits(name: str, given: dict[str, Any] | None) -> Limits | None:
    if given is None:
        return None
    low = given.get("low")
    return Limits(low or None if name == "Length" else low, given.get("high"), given.get("pattern"))


def _both(one: Limits | None, other: Limits) -> Limits:
    """Return the limits of a value that must satisfy both."""
    if one is None:
        return other
    lows = [low for low in (one.low, other.low) if low is not None]
    highs = [high for high in (one.high, other.high) if high is not None]
    pattern = one.pattern if other.pattern is None else other.pattern
    return Limits(max(lows, default=None), min(highs, default=None), pattern)
