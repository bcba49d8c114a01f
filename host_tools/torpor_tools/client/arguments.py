"""Arguments from a command line, ``fridge=fridge-1 limit=5``, as the contract wants them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ..contracts.remedies import signature
from ..errors import Problem, UserError
from ..model.contract import Method
from ..model.types import Type
from ..suggest import did_you_mean

_WORDS = {"true": True, "false": False}
_EXPECTED = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "list": 'a list as JSON, such as ["a", "b"]',
    "dict": 'an object as JSON, such as {"a": 1}',
}


def arguments(method: Method, given: Sequence[str]) -> dict[str, Any]:
    """The values of ``name=value`` texts. Raises ``UserError`` with all that is wrong."""
    problems: list[Problem] = []
    values: dict[str, Any] = {}
    kinds = {a.name: a.type for a in method.arguments}
    remedy = f"it is {signature(method)}"
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            problems.append(
                Problem(None, f"{text} is not an argument", f"write name=value; {remedy}")
            )
        elif name not in kinds:
            near = did_you_mean(name, kinds) or remedy
            problems.append(Problem(None, f"{method.name} has no argument {name}", near))
        elif name in values:
            problems.append(Problem(None, f"{name} is given twice", "take one out"))
        else:
            try:
                values[name] = convert(kinds[name], value)
            except ValueError as error:
                problems.append(Problem(None, f"{name}: expected {error}, got {value!r}", remedy))
    for argument in method.arguments:
        if argument.default is None and argument.name not in kinds.keys() & _named(given):
            problems.append(Problem(None, f"{argument.name} is missing", remedy))
    if problems:
        raise UserError(problems)
    return values


def convert(kind: Type, text: str) -> Any:
    """The value that ``text`` stands for. Raises ``ValueError`` with what was expected."""
    if kind.is_optional and text == "null":
        return None
    expected = []
    for option in kind.values:
        try:
            return _convert(option.plain, text)
        except ValueError:
            expected.append(_EXPECTED.get(option.plain, option.plain))
    raise ValueError(" or ".join(expected))


def _convert(name: str, text: str) -> Any:
    if name == "str":
        return text
    if name == "Any":
        return _json_or_text(text)
    if name == "bool":
        if text in _WORDS:
            return _WORDS[text]
        raise ValueError(text)
    value = json.loads(text, parse_constant=_refuse)
    if name == "float" and type(value) is int:
        return float(value)
    if type(value).__name__ != name:
        raise ValueError(text)
    return value


def _refuse(name: str) -> Any:
    raise ValueError(f"JSON has no {name}")


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _named(given: Sequence[str]) -> set[str]:
    return {text.partition("=")[0] for text in given}
