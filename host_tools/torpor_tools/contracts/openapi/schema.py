"""The types of contracts as JSON Schema (draft 2020-12, which OpenAPI 3.1 speaks)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from ...model.types import NONE, STREAM, Limits, Type

Schema = dict[str, Any]

JSON = "application/json"
TEXT = "text/plain"
BYTES = "application/octet-stream"

_SCALARS: dict[str, Schema] = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "None": {"type": "null"},
    "Any": {},
}


def schema(kind: Type) -> Schema:
    """The JSON Schema of a type that has a JSON form; a record is a reference to its component."""
    if kind.fields is not None:
        return {"$ref": f"#/components/schemas/{component(kind)}"}
    if kind.name == "list":
        return {"type": "array", **({"items": schema(kind.args[0])} if kind.args else {})}
    if kind.name == "dict":
        inner = schema(kind.args[1]) if kind.args else {}
        return {"type": "object", **({"additionalProperties": inner} if inner else {})}
    if len(kind.options) > 1:
        return {"anyOf": [schema(option) for option in kind.options]}
    if kind.choices:
        return {**_SCALARS[kind.plain], "enum": list(kind.choices)}
    return {**_SCALARS[kind.name], **_limits(kind)}


def _limits(kind: Type) -> Schema:
    limits = kind.limits or Limits()
    names = ("minLength", "maxLength") if kind.name == "str" else ("minimum", "maximum")
    found: Schema = dict(zip(names, (limits.low, limits.high), strict=True))
    found["pattern"] = None if limits.pattern is None else f"^(?:{limits.pattern})$"
    return {name: value for name, value in found.items() if value is not None}


def component(record: Type) -> str:
    """The name of a record among the components, where torpor's own is ``Error``."""
    return record.name + "_" * (record.name == "Error")


def record_schema(record: Type) -> Schema:
    """The JSON Schema of a record's fields. Other fields may be there and are ignored."""
    fields = record.fields or ()
    found: Schema = {"type": "object", "properties": {f.name: schema(f.type) for f in fields}}
    if required := [field.name for field in fields if field.required]:
        found["required"] = required
    return found


def literal(default: str) -> Any:
    """The value of a default's source text, or ``...`` if it is not a plain value."""
    try:
        return ast.literal_eval(default)
    except (ValueError, SyntaxError):
        return ...


def answers(kind: Type, content_type: str | None) -> dict[str, Schema]:
    """The responses, by status, of a method that returns ``kind`` (a route's answer).

    A tuple carries a status of its own, so it is the answer of every one that is not an error.
    """
    found: dict[str, Schema] = {}
    for option in kind.options:
        status, result = "200", option
        if option == NONE:
            found["204"] = {"description": "Done; the response has no body."}
            continue
        if option.name == "tuple":
            status, result = "2XX", option.args[0] if option.args else Type("Any")
        content = found.setdefault(status, {"description": "Done.", "content": {}})["content"]
        for media, body in _bodies(result):
            if content_type not in (None, media):
                media, body = content_type, {}
            content[media] = _either(content.get(media), body)
    return found


def _bodies(kind: Type) -> Iterator[tuple[str, Schema]]:
    """The media types that a result may come as, each with its schema."""
    for option in kind.options:
        if option.name == STREAM:
            yield (TEXT if option.args[0].name == "str" else BYTES), {}
        elif option.plain == "str":
            yield TEXT, {"schema": schema(option)}
        elif option.name == "bytes":
            yield BYTES, {}
        elif option.name == "Any":
            yield "*/*", {}
        elif option != NONE:
            yield JSON, {"schema": schema(option)}


def _either(one: Schema | None, other: Schema) -> Schema:
    if not one or one == other:
        return other
    return {"schema": {"anyOf": [one["schema"], other["schema"]]}}
