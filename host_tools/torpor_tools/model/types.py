"""The types of contracts: what JSON can hold, and a little more for results."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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
class Type:
    """A type in one form, however it is written: ``Optional[List[int]]`` is ``list[int] | None``.

    An annotation that is not a type of contracts keeps its text as its name.
    """

    name: str
    args: tuple[Type, ...] = ()
    fields: tuple[Field, ...] | None = None  # of a record, a TypedDict, in their order

    def __str__(self) -> str:
        return self.text(map(str, self.args))

    def text(self, args: Iterable[str]) -> str:
        """The type as an annotation, with ``args`` in place of its own."""
        if self.name == UNION:
            return " | ".join(args)
        return f"{self.name}[{', '.join(args)}]" if self.args else self.name

    @property
    def options(self) -> tuple[Type, ...]:
        """The members of a union, or the type itself if it is not a union."""
        return self.args if self.name == UNION else (self,)

    @property
    def plain(self) -> str:
        """The name of the type that a value has when it runs: a record is a ``dict``."""
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
    def values(self) -> tuple[Type, ...]:
        """The options without ``None``."""
        return tuple(option for option in self.options if option != NONE)

    @property
    def is_optional(self) -> bool:
        """Whether ``None`` is one of several options."""
        return self.name == UNION and NONE in self.args


NONE = Type("None")


def is_json(type_: Type) -> bool:
    """Whether every value of the type has a JSON form."""
    name, args = type_.name, type_.args
    if type_.fields is not None:
        return all(is_json(field.type) for field in type_.fields)
    if name == "list":
        return len(args) < 2 and all(map(is_json, args))
    if name == "dict":
        keys = (Type("str"), Type("Any"))
        return not args or (len(args) == 2 and args[0] in keys and is_json(args[1]))
    return all(map(is_json, args)) if name == UNION else name in SCALARS


def is_routed_argument(type_: Type) -> bool:
    """Whether a request can contain it: one kind of value, or None."""
    return is_json(type_) and len(type_.values) == 1


def is_path_argument(type_: Type) -> bool:
    """Whether a segment of a path can contain it."""
    return type_.name in ("str", "int", "float", "bool")


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
