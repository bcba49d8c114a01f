"""The types a contract may speak of: what JSON can carry, and a little more for answers."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from .source import Module

_SCALARS = ("str", "int", "float", "bool", "None", "Any")
_KNOWN = (*_SCALARS, "bytes", "list", "dict", "tuple", "Optional", "Union")
_STREAMS = ("AsyncIterator", "AsyncGenerator", "AsyncIterable")
UNION = "|"
STREAM = "AsyncIterator"


@dataclass(frozen=True)
class Type:
    """An annotation in one form: ``Optional[List[int]]`` is ``list[int] | None``."""

    name: str
    args: tuple[Type, ...] = ()

    def __str__(self) -> str:
        if self.name == UNION:
            return " | ".join(map(str, self.args))
        return f"{self.name}[{', '.join(map(str, self.args))}]" if self.args else self.name

    @property
    def options(self) -> tuple[Type, ...]:
        """The members of a union; the type itself if it is none."""
        return self.args if self.name == UNION else (self,)


NONE = Type("None")
_NO_MODULE = Module("", "", False, ast.Module([], []))  # what a contract holds has no imports left


def parse(node: ast.expr, module: Module) -> Type | None:
    """The type that an annotation names, or None if a contract cannot speak of it."""
    if isinstance(node, ast.Constant):
        return _parse_constant(node, module)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _union([parse(node.left, module), parse(node.right, module)])
    if isinstance(node, ast.Subscript):
        return _parse_subscript(node, module)
    if isinstance(node, ast.Name) and node.id in module.aliases:
        type_, home = module.aliases[node.id]
        return parse(type_, home)
    return _named(module.origin(node))


def from_text(annotation: str) -> Type:
    """The type that an annotation of a ``Contract`` names. Raises ``ValueError`` for any other."""
    found = parse(ast.parse(annotation, mode="eval").body, _NO_MODULE)
    if found is None:
        raise ValueError(f"no type of a contract: {annotation}")
    return found


def _parse_constant(node: ast.Constant, module: Module) -> Type | None:
    if node.value is None:
        return NONE
    if node.value is ...:
        return Type("...")
    if not isinstance(node.value, str):
        return None
    try:
        return parse(ast.parse(node.value, mode="eval").body, module)
    except SyntaxError:
        return None


def _parse_subscript(node: ast.Subscript, module: Module) -> Type | None:
    outer = _named(module.origin(node.value))
    items = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    args = [parse(item, module) for item in items]
    if outer is None or any(arg is None for arg in args):
        return None
    if outer.name == "Optional":
        return _union([*args, NONE])
    if outer.name == "Union":
        return _union(args)
    if outer.name == STREAM:
        args = args[:1]  # AsyncGenerator names what it is sent, too
    return Type(outer.name, tuple(arg for arg in args if arg))


def _union(parts: list[Type | None]) -> Type | None:
    options: dict[Type, None] = {}
    for part in parts:
        if part is None:
            return None
        options.update(dict.fromkeys(part.options))
    ordered = [o for o in options if o != NONE] + [NONE] * (NONE in options)
    return ordered[0] if len(ordered) == 1 else Type(UNION, tuple(ordered))


def _named(origin: str) -> Type | None:
    name = origin.removeprefix("typing.").removeprefix("collections.abc.")
    if name in ("List", "Dict", "Tuple"):
        name = name.lower()
    if name in _STREAMS:
        return Type(STREAM)
    return Type(name) if name in _KNOWN else None


def is_json(type_: Type) -> bool:
    """Whether every value of the type has a JSON form."""
    name, args = type_.name, type_.args
    if name == "list":
        return len(args) < 2 and all(map(is_json, args))
    if name == "dict":
        keys = (Type("str"), Type("Any"))
        return not args or (len(args) == 2 and args[0] in keys and is_json(args[1]))
    return all(map(is_json, args)) if name == UNION else name in _SCALARS


def is_routed_argument(type_: Type) -> bool:
    """Whether a request can contain it: one kind of value, or None."""
    return is_json(type_) and len([o for o in type_.options if o != NONE]) == 1


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
