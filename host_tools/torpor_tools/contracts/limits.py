"""Reads ``Literal[...]`` and the limits of ``Annotated[...]`` into types."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ..model.types import Limits, Type

NAMES = ("Range", "Length", "Pattern")
# What MicroPython's re does not know: {2,3}, (?=...), (?P<...>), \b, \1.
_NOT_ON_DEVICE = re.compile(r"(?<!\\)\{|\(\?(?!:)|\\[A-CE-RT-VX-Za-ce-rt-vx-z0-9]")


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
        if not isinstance(node, ast.Call) or _name(node) not in NAMES:
            continue
        limits = None if wrong_limit(type_, node) else _limits(_name(node), _arguments(node))
        if limits is None:
            return None
        type_ = replace(type_, limits=_both(type_.limits, limits))
    return type_


def _name(node: ast.Call) -> str:
    return ast.unparse(node.func).rpartition(".")[2]


def wrong_limit(type_: Type, node: ast.expr) -> str:
    """Return the remedy for a limit that does not fit its type or cannot be read."""
    if not isinstance(node, ast.Call):
        return ""
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
    pattern = given.get("pattern")
    if name == "Pattern" and not _is_pattern(pattern):
        return "use . [] ^ $ ? * + | () (?:) \\d \\s \\w only: MicroPython's re has no more"
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
    if one is None:
        return other
    return Limits(
        one.low if other.low is None else other.low,
        one.high if other.high is None else other.high,
        one.pattern if other.pattern is None else other.pattern,
    )
