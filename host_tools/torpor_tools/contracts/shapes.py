"""Reads annotations into the types of contracts."""

from __future__ import annotations

import ast

from ..model.types import NONE, SCALARS, STREAM, UNION, Type
from .source import Module

_KNOWN = (*SCALARS, "bytes", "list", "dict", "tuple", "Optional", "Union")
_STREAMS = ("AsyncIterator", "AsyncGenerator", "AsyncIterable")
_NO_MODULE = Module("", "", False, ast.Module([], []))  # what a contract holds has no imports left


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
    return _named(module.origin(node))


def from_text(text: str) -> Type:
    """The type that ``str(type)`` wrote; any other text stays as it is."""
    try:
        node = ast.parse(text, mode="eval").body
    except SyntaxError:
        return Type(text)
    return parse(node, _NO_MODULE) or Type(text)


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
