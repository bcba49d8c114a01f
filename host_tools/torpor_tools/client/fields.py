"""Values from a command line, converted to a contract's types: fields, items, limits and literals.

``point.celsius=4.5 marks.0.at=7`` is the object ``{"celsius": 4.5}`` in ``point`` and a list of one
object in ``marks``. A part of a path is a field, a key of a dict, or the number of an item.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ..model.types import Field, Type, tag_of
from ..suggest import did_you_mean, listing

Tree = dict[str, "str | Tree"]  # a part of a path -> the text of a value, or what is below the part

_WORDS = {"true": True, "false": False}
_EXPECTED = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "list": 'a list as JSON, such as ["a", "b"]',
    "dict": 'an object as JSON, such as {"a": 1}',
    "None": "null",
}
_PYTHON = {"str": str, "int": int, "float": float, "bool": bool, "list": list, "dict": dict}


class MisfitError(ValueError):
    """A value that does not fit its type; the text begins with the path to it."""


def value_of(kind: Type, given: str | Tree, path: str) -> Any:
    """Return the value that the texts stand for. Raises ``MisfitError``."""
    if isinstance(given, dict):
        return _assembled(kind, given, path)
    try:
        value = convert(kind, given)
    except ValueError as error:
        raise MisfitError(f"{path}: expected {error}, got {given!r}") from None
    for problem in misfits(kind, value, path):
        raise MisfitError(problem)
    return value


def _assembled(kind: Type, given: Tree, path: str) -> Any:
    """The object or list whose parts were given one by one."""
    wrong: MisfitError | None = None
    for option in sorted(kind.values, key=lambda each: -len(given.keys() & _names(each))):
        try:
            if option.fields is not None:
                return _record(option, given, path)
            if option.plain == "dict" or option.name == "Any":
                inner = option.args[1] if option.args else Type("Any")
                return {key: value_of(inner, part, f"{path}.{key}") for key, part in given.items()}
            if option.name == "list":
                return _list(option, given, path)
        except MisfitError as error:
            wrong = wrong or error
    raise wrong or MisfitError(f"{path} has no fields: it is {kind}, write {path}=value")


def _names(option: Type) -> set[str]:
    return {field.name for field in option.fields or ()}


def _record(kind: Type, given: Tree, path: str) -> dict[str, Any]:
    fields = {field.name: field for field in kind.fields or ()}
    value: dict[str, Any] = {}
    for name, part in given.items():
        if name not in fields:
            near = did_you_mean(name, fields) or f"fields of {kind.name}: {listing(fields)}"
            raise MisfitError(f"{path} has no field {name}; {near}")
        value[name] = value_of(fields[name].type, part, f"{path}.{name}")
    for field in fields.values():
        if field.required and field.name not in value:
            raise MisfitError(f"{path}.{field.name} is missing")
    return value


def _list(kind: Type, given: Tree, path: str) -> list[Any]:
    inner = kind.args[0] if kind.args else Type("Any")
    numbers = [str(i) for i in range(len(given))]
    if {*given} != {*numbers}:
        raise MisfitError(f"{path} is a list: number its items {path}.0, {path}.1 without gaps")
    return [value_of(inner, given[i], f"{path}.{i}") for i in numbers]


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
    raise ValueError(" or ".join(dict.fromkeys(expected)))


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


def misfits(kind: Type, value: Any, path: str) -> Iterator[str]:
    """Yield why a value is not of the type, beginning with the path to the wrong part."""
    options = kind.options
    reasons = [list(_misfits(option, value, path)) for option in options]
    if any(not reason for reason in reasons):
        return
    same = [
        (option, reason)
        for option, reason in zip(options, reasons, strict=True)
        if option.plain == type(value).__name__
    ]
    if len(same) == 1:
        yield from same[0][1]
    elif isinstance(value, dict) and same and (tag := tag_of([option for option, _ in same])):
        yield from _of_tagged(tag, same, value, path)
    else:
        yield f"{path}: expected {' or '.join(dict.fromkeys(map(_words, options)))}, got {value!r}"


def _of_tagged(
    tag: str, records: list[tuple[Type, list[str]]], value: dict[str, Any], path: str
) -> Iterator[str]:
    """Yield why a value does not fit the record that its tag names."""
    if tag not in value:
        yield f"{path}.{tag} is missing"
        return
    kinds = [next(f.type for f in option.fields or () if f.name == tag) for option, _ in records]
    for kind, (_, reasons) in zip(kinds, records, strict=True):
        if _is_within(kind, value[tag]):
            yield from reasons
            return
    yield f"{path}.{tag}: expected {' or '.join(map(_words, kinds))}, got {value[tag]!r}"


def _misfits(kind: Type, value: Any, path: str) -> Iterator[str]:
    if kind.name == "Any":
        return
    if not _is_within(kind, value):
        yield f"{path}: expected {_words(kind)}, got {value!r}"
    elif kind.fields is not None:
        for field in kind.fields:
            yield from _field(field, value, path)
    elif kind.args and isinstance(value, list):
        for i, item in enumerate(value):
            yield from misfits(kind.args[0], item, f"{path}.{i}")
    elif kind.args and isinstance(value, dict):
        for key, item in value.items():
            yield from misfits(kind.args[1], item, f"{path}.{key}")


def _field(field: Field, value: dict[str, Any], path: str) -> Iterator[str]:
    if field.name in value:
        yield from misfits(field.type, value[field.name], f"{path}.{field.name}")
    elif field.required:
        yield f"{path}.{field.name} is missing"


def _is_within(kind: Type, value: Any) -> bool:
    if not _is_of(kind.plain, value) or (kind.choices and value not in kind.choices):
        return False
    return kind.limits is None or kind.limits.allow(value)


def _is_of(name: str, value: Any) -> bool:
    if name == "None":
        return value is None
    if name == "float" and type(value) is int:
        return True
    return type(value) is _PYTHON.get(name)


def _words(kind: Type) -> str:
    if kind.choices:
        return " or ".join(map(repr, kind.choices))
    words = _EXPECTED.get(kind.plain, kind.plain).partition(" as JSON")[0]
    limits = kind.limits
    if limits is None:
        return words
    of = " of {} characters" if kind.plain == "str" else " {}"
    if limits.low is not None and limits.high is not None:
        words += of.format(f"from {limits.low} to {limits.high}")
    elif limits.low is not None or limits.high is not None:
        side = "at least" if limits.low is not None else "at most"
        words += of.format(f"{side} {limits.high if limits.low is None else limits.low}")
    return words + f" that matches {limits.pattern}" * (limits.pattern is not None)
