"""Reads annotations into the types of contracts."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from contextvars import ContextVar

from ..model.types import NONE, SCALARS, STREAM, UNION, Field, Type
from .limits import choice, limited
from .records import field_nodes, is_total
from .source_module import Module

_KNOWN = (*SCALARS, "bytes", "list", "dict", "tuple", "Optional", "Union")
_STREAMS = ("AsyncIterator", "AsyncGenerator", "AsyncIterable")


def parse(node: ast.expr, module: Module) -> Type | None:
    """The type that an annotation names, or None if it is not a type of contracts."""
    if isinstance(node, ast.Constant):
        return _parse_constant(node, module)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _union([parse(node.left, module), parse(node.right, module)])
    if isinstance(node, ast.Subscript):
        return _parse_subscript(node, module)
    if isinstance(node, ast.Name) and node.id in module.aliases:
        type_, home = module.aliases[node.id]
        return parse(type_, home)
    if isinstance(node, ast.Name) and node.id in module.records:
        return _record(*module.records[node.id])
    if isinstance(node, ast.Name) and node.id in module.types:
        return module.types[node.id]
    return _named(module.origin(node))


def from_text(text: str, records: Mapping[str, Type] | None = None) -> Type:
    """The type that ``str(type)`` wrote; any other text stays as it is.

    ``records`` are those that the text may name.
    """
    try:
        node = ast.parse(text, mode="eval").body
    except SyntaxError:
        return Type(text)
    return parse(node, Module("", "", False, ast.Module([], []), types=records or {})) or Type(text)


_open: ContextVar[tuple[ast.ClassDef, ...]] = ContextVar("_open", default=())


def _record(cls: ast.ClassDef, module: Module) -> Type | None:
    """The type of a record; None if a field cannot be sent or contains the record itself."""
    if cls in _open.get():
        return None
    token = _open.set((*_open.get(), cls))
    try:
        fields = list(_fields(cls, module))
    finally:
        _open.reset(token)
    if not all(fields):
        return None
    return Type(cls.name, fields=tuple(field for field in fields if field))


def _fields(cls: ast.ClassDef, module: Module) -> Iterator[Field | None]:
    for base in cls.bases:
        if isinstance(base, ast.Name) and base.id in module.records:
            yield from _fields(*module.records[base.id])
    for name, node in field_nodes(cls):
        required, inner = _requirement(unquoted(node), module, is_total(cls))
        type_ = parse(inner, module)
        yield Field(name, type_, required) if type_ else None


def _requirement(node: ast.expr, module: Module, required: bool) -> tuple[bool, ast.expr]:
    """Return whether a field is required, and its annotation without ``Required``."""
    if isinstance(node, ast.Subscript):
        word = module.origin(node.value).rpartition(".")[2]
        if word in ("NotRequired", "Required"):
            return word == "Required", node.slice
    return required, node


def unquoted(node: ast.expr) -> ast.expr:
    """The expression of an annotation that may be written in quotes."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        try:
            return ast.parse(node.value, mode="eval").body
        except SyntaxError:
            pass
    return node


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
    word = module.origin(node.value).rpartition(".")[2]
    outer = _named(module.origin(node.value))
    items = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    if word == "Literal":
        return _union(list(choice(items)))
    if word == "Annotated":
        inner = parse(items[0], module)
        return limited(inner, items[1:]) if inner else None
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
