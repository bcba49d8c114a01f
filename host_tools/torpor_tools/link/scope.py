"""Finds the names in a piece of code that belong to its module."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

Function = (ast.FunctionDef, ast.AsyncFunctionDef)
_Scope = (*Function, ast.Lambda)
_Closed = (*_Scope, ast.ClassDef)
_NOT_RUN = ("annotation", "returns", "type_comment", "type_params")


def bound_by(node: ast.stmt) -> set[str]:
    """The names that a statement of a module gives a value."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    return set(_stores(node))


def global_names(node: ast.AST) -> set[str]:
    """The names that are not local to a piece of code."""
    return {name.id for name in globals_of(node)}


def globals_of(node: ast.AST, without: Iterable[ast.AST] = ()) -> Iterator[ast.Name]:
    """Yield every place at which a piece of code uses a name that is not local to it.

    Args:
        node: The code.
        without: Parts of it to leave out.
    """
    yield from _walk(node, frozenset(), set(without))


def _walk(node: ast.AST, local: frozenset[str], without: set[ast.AST]) -> Iterator[ast.Name]:
    if node in without:
        return
    if isinstance(node, ast.Name):
        if node.id not in local:
            yield node
        return
    inside = local
    if isinstance(node, _Scope):
        declared = _globals(node)
        inside = local.difference(declared) | _locals(node).difference(declared)
    elif isinstance(node, ast.ClassDef):
        inside = local  # methods do not see the names that the class body binds
    for name, value in ast.iter_fields(node):
        if name in _NOT_RUN:
            continue
        outer = name in ("decorator_list", "bases", "keywords")
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.arguments):
                for default in [*child.defaults, *child.kw_defaults]:
                    if default:
                        yield from _walk(default, local, without)
            elif isinstance(child, ast.AST):
                yield from _walk(child, local if outer else inside, without)


def _locals(function: ast.AST) -> frozenset[str]:
    arguments = getattr(function, "args", None)
    names = {a.arg for a in ast.walk(arguments) if isinstance(a, ast.arg)} if arguments else set()
    body = getattr(function, "body", None)
    for part in body if isinstance(body, list) else []:
        names |= set(_stores(part))
    return frozenset(names)


def _globals(function: ast.AST) -> set[str]:
    return {n for each in _own(function) if isinstance(each, ast.Global) for n in each.names}


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function without those of the functions in it."""
    todo = [node]
    while todo:
        for child in ast.iter_child_nodes(todo.pop()):
            yield child
            if not isinstance(child, _Closed):
                todo.append(child)


def _stores(node: ast.AST) -> Iterator[str]:
    """The names that code binds, without what functions and classes in it bind inside."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
        return
    if isinstance(node, ast.Lambda):
        return
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
        yield node.id
    elif isinstance(node, ast.alias):
        yield node.asname or node.name.partition(".")[0]
    elif isinstance(node, ast.ExceptHandler) and node.name:
        yield node.name
    for child in ast.iter_child_nodes(node):
        yield from _stores(child)
