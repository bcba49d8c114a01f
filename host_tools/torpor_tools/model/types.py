"""The types of contracts: what JSON can hold, and a little more for results."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

SCALARS = ("str", "int", "float", "bool", "None", "Any")
UNION = "|"
STREAM = "AsyncIterator"


@dataclass(frozen=True)
class Field:
    """A field of a record; one that is not required may be absent."""

    name: str
    type: Type
    required: bool = True

    def __str__(self) -> str:
        return str(self.type) if self.required else f"NotRequired[{self.type}]"


@dataclass(frozen=True)
class Limits:
    """The limits of a number, or of a string's length, and the pattern that a string matches."""

    low: int | float | None = None
    high: int | float | None = None
    pattern: str | None = None

    def allow(self, value: object) -> bool:
        """Whether a value of the type is within the limits."""
        size = len(value) if isinstance(value, str) else value
        if isinstance(size, int | float) and (
            (self.low is not None and size < self.low)
            or (self.high is not None and size > self.high)
        ):
            return False
        pattern = self.pattern
        return pattern is None or re.fullmatch(pattern, str(value)) is not None

    def calls(self, of: str) -> Iterator[str]:
        """The limits as an annotation writes them, on a type with the name ``of``."""
        if self.low is not None or self.high is not None:
            low = (self.low or 0) if of == "str" else self.low
            yield f"{'Length' if of == 'str' else 'Range'}({low!r}, {self.high!r})"
        if self.pattern is not None:
            yield f"Pattern({self.pattern!r})"


@dataclass(frozen=True)
class Type:
    """A type in one form, however it is written: ``Optional[List[int]]`` is ``list[int] | None``.

    An annotation that is not a type of contracts keeps its text as its name.
    """

    name: str
    args: tuple[Type, ...] = ()
    fields: tuple[Field, ...] | None = None  # of a record, a TypedDict, in their order
    choices: tuple[str | int | bool, ...] = ()  # of a Literal, all of one type
    limits: Limits | None = None  # of a number or a string

    def __str__(self) -> str:
        return self.text(map(str, self.args))

    def text(self, args: Iterable[str]) -> str:
        """The type as an annotation, with ``args`` in place of its own."""
        if self.name == UNION:
            return " | ".join(args)
        if self.choices:
            return f"Literal[{', '.join(map(repr, self.choices))}]"
        if self.limits:
            return f"Annotated[{', '.join([self.name, *self.limits.calls(self.name)])}]"
        return f"{self.name}[{', '.join(args)}]" if self.args else self.name

    @property
    def options(self) -> tuple[Type, ...]:
        """The members of a union, or the type itself if it is not a union."""
        return self.args if self.name == UNION else (self,)

    @property
    def plain(self) -> str:
        """The name of the type that a value has when it runs: a record is a ``dict``."""
        if self.choices:
            return type(self.choices[0]).__name__
        if self.name == UNION and all(option.fields is not None for option in self.args):
            return "dict"
        return "dict" if self.fields is not None else self.name

    @property
    def parts(self) -> tuple[Type, ...]:
        """The types that this one is made of."""
        return (*self.args, *(field.type for field in self.fields or ()))

    @property
    def records(self) -> Iterator[Type]:
        """The records in the type, inner ones first; one that is used twice comes twice."""
        for part in self.parts:
            yield from part.records
        if self.fields is not None:
            yield self

    @property
    def is_checked(self) -> bool:
        """Whether a value may be wrong although it is of the plain type."""
        own = self.fields is not None or self.limits is not None or bool(self.choices)
        return own or any(part.is_checked for part in self.parts)

    @property
    def values(self) -> tuple[Type, ...]:
        """The options without ``None``."""
        return tuple(option for option in self.options if option != NONE)

    @property
    def value(self) -> Type:
        """The type of a value that is not ``None``."""
        return self.values[0] if len(self.values) == 1 else Type(UNION, self.values)

    @property
    def is_optional(self) -> bool:
        """Whether ``None`` is one of several options."""
        return self.name == UNION and NONE in self.args


NONE = Type("None")


def is_json(type_: Type) -> bool:
    """Whether every value of the type has a JSON form."""
    name, args = type_.name, type_.args
    if type_.choices:
        return True
    if type_.fields is not None:
        return all(is_json(field.type) for field in type_.fields)
    if name == "list":
        return len(args) < 2 and all(map(is_json, args))
    if name == "dict":
        keys = (Type("str"), Type("Any"))
        return not args or (len(args) == 2 and args[0] in keys and is_json(args[1]))
    if name == UNION:
        return all(map(is_json, args)) and _are_tagged([arg for arg in args if arg.fields])
    return name in SCALARS


def _are_tagged(records: list[Type]) -> bool:
    """Whether a field of each record, always the same, says which of them it is."""
    return len(records) < 2 or tag_of(records) is not None


def tag_of(records: Sequence[Type]) -> str | None:
    """Return the field that each record requires and whose literals differ in all of them."""
    tables = [{f.name: f.type.choices for f in r.fields or () if f.required} for r in records]
    for name in tables[0]:
        tags = [tag for table in tables for tag in table.get(name, ())]
        if all(table.get(name) for table in tables) and len(tags) == len({*tags}):
            return name
    return None


def is_routed_argument(type_: Type) -> bool:
    """Whether a request can contain it: one kind of value, or None."""
    values = type_.values
    records = all(value.fields is not None for value in values)
    return is_json(type_) and (len(values) == 1 or (records and bool(values)))


def is_path_argument(type_: Type) -> bool:
    """Whether a segment of a path can contain it."""
    return type_.plain in ("str", "int", "float", "bool")


def is_stream(type_: Type) -> bool:
    """Whether it is an answer in chunks."""
    return type_.name == STREAM and type_.args in ((Type("str"),), (Type("bytes"),))


def is_result(type_: Type, routed: bool) -> bool:
    """Whether a method may return it; only a route may return a status as well."""
    if type_.name == UNION:
        return all(is_result(option, routed) for option in type_.args)
    if type_.name == "tuple":
        return routed and (not type_.args or _is_answer(type_.args))
    return type_.name == "bytes" or is_json(type_)


def _is_answer(args: tuple[Type, ...]) -> bool:
    """(object, status) or (object, status, headers)."""
    return (
        len(args) in (2, 3)
        and is_result(args[0], routed=False)
        and args[1] == Type("int")
        and all(arg.name == "dict" and is_json(arg) for arg in args[2:])
    )
