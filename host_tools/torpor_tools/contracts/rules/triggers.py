"""Rules for what makes the runtime call a method: ``@every``, ``@daily``, ``@on_wake``."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from ...errors import Problem
from ..read import constant, daily_s, parameters, period_ms, wake_pin
from ..source import TRIGGERS, Source
from .routes import decorated

# Ticks wrap: half of the chips' 2^30 ms is the longest time that can be measured.
_LONGEST_MS = 2**29 - 1

# From the decorator's call (None: no parentheses) to what is wrong with it, and the remedy.
_Check = Callable[[ast.Call | None], tuple[str, str] | None]


def _wrong_every(call: ast.Call | None) -> tuple[str, str] | None:
    for keyword in call.keywords if call else ():
        if keyword.arg == "first" and type(constant(keyword.value)) is not bool:
            return "needs first to be True or False", "write @every(minutes=5, first=False)"
    period = period_ms(call) if call else None
    if period is None:
        remedy = "write @every(seconds=60), with hours, minutes, seconds or ms as constants"
        return "needs a period made of constants", remedy
    if period > _LONGEST_MS:
        what = "the clock of a chip cannot measure a period beyond 6 days"
        return f": {what}", "run daily (hours=24) and count the days"
    return None


def _wrong_daily(call: ast.Call | None) -> tuple[str, str] | None:
    if call and daily_s(call) is not None:
        return None
    given = f", got {ast.unparse(call.args[0])}" if call and call.args else ""
    return f"needs a time of day{given}", 'write @daily("07:30"), from "00:00" to "23:59"'


def _wrong_wake(call: ast.Call | None) -> tuple[str, str] | None:
    if call and wake_pin(call):
        return None
    for keyword in call.keywords if call else ():
        value = constant(keyword.value)
        if keyword.arg == "pin" and type(value) is not int:
            pin = int(value) if isinstance(value, str) and value.isdecimal() else 4
            what = f": pin is a number, got {ast.unparse(keyword.value)}"
            return what, f"write @on_wake(pin={pin}, level=0)"
        if keyword.arg == "level" and value not in (0, 1):
            what = f": level is 0 or 1, got {ast.unparse(keyword.value)}"
            return what, "write @on_wake(pin=4, level=0)"
    return "needs a pin and the level that wakes the board", "write @on_wake(pin=4, level=0)"


_CHECKS: dict[str, _Check] = {"every": _wrong_every, "daily": _wrong_daily, "on_wake": _wrong_wake}


def triggers_are_right(source: Source, cls: ast.ClassDef) -> Iterator[Problem]:
    """A trigger has constant arguments, and is used once, on a method without arguments."""
    seen: set[tuple[str, str]] = set()
    for node, item, name, call in decorated(source, cls):
        if name not in TRIGGERS:
            continue
        if wrong := _CHECKS[name](call):
            what, remedy = wrong
            text = f"@{name}{what}" if what.startswith(":") else f"@{name} {what}"
            yield source.problem(item, text, remedy)
        if (node.name, name) in seen:
            what = f"{cls.name}.{node.name} has a second @{name}"
            yield source.problem(item, what, "write one, or a second method that calls this one")
        seen.add((node.name, name))
        if [arg for arg, default in parameters(node) if default is None]:
            what = f"{cls.name}.{node.name} is called by @{name} without arguments"
            yield source.problem(node, what, "give each argument a default")
