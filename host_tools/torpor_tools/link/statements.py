"""Answers questions about single statements of a module."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from .scope import bound_by

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def is_docstring(node: ast.stmt) -> bool:
    """Return whether it is a docstring."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def is_const(node: ast.stmt) -> bool:
    """Return whether it is ``_X = const(...)``, which takes no heap wherever it stands."""
    if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call):
        return False
    private = all(is_private(name) for name in bound_by(node))
    return private and ast.unparse(node.value.func) in ("const", "micropython.const")


def has_constants_only(tree: ast.Module) -> bool:
    """Return whether a module is a table of numbers. Importers have copied what they need of it."""
    others = [n for n in tree.body if not is_docstring(n) and not isinstance(n, ast.ImportFrom)]
    return bool(others) and all(
        isinstance(n, ast.Assign)
        and isinstance(n.value, ast.Call)
        and ast.unparse(n.value.func) == "const"
        for n in others
    )


def is_empty(value: ast.expr | None) -> bool:
    if isinstance(value, ast.List | ast.Set):
        return not value.elts
    if isinstance(value, ast.Dict):
        return not value.keys
    return isinstance(value, ast.Call) and ast.unparse(value.func) in ("dict", "list", "set")


def is_fixed(value: ast.expr) -> bool:
    """Return whether a value is a literal, and so the same whenever it is loaded."""
    if is_empty(value):
        return False
    allowed = (
        ast.Constant,
        ast.Tuple,
        ast.Dict,
        ast.List,
        ast.UnaryOp,
        ast.BinOp,
        ast.operator,
        ast.unaryop,
        ast.expr_context,
    )
    return all(isinstance(node, allowed) for node in ast.walk(value))


def rebound(tree: ast.Module) -> Iterator[str]:
    """The variables of a module that its functions set, or that are set more than once."""
    seen: set[str] = set()
    for node in tree.body:
        if not isinstance(node, Definition | ast.Import | ast.ImportFrom):
            for each in ast.walk(node):
                if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store):
                    if each.id in seen:
                        yield each.id
                    seen.add(each.id)
                elif isinstance(each, ast.alias):
                    yield name_of(each)  # one of an ``if`` or a ``try``
    for each in ast.walk(tree):
        if isinstance(each, ast.Global):
            yield from each.names


def name_of(alias: ast.alias) -> str:
    return alias.asname or alias.name.partition(".")[0]


def decorators(node: ast.stmt) -> list[ast.expr]:
    return getattr(node, "decorator_list", [])
