"""Calls in a test file whose ``await`` was forgotten: they do nothing, and the test passes."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from .source import Function, arguments

_VERBS = {"request", "get", "post", "put", "patch", "delete", "head", "options"}
# Fixture -> its methods that are async.
_ASYNC = {
    "client": _VERBS,
    "socket_client": _VERBS,
    "clock": {"advance"},
    "events": {"deliver"},
}


def unawaited(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the line and the function of each such call."""
    functions = [node for node in ast.walk(tree) if isinstance(node, Function)]
    makers = {function.name for function in functions if _makes_service(function)}
    for test in functions:
        fixtures = set(arguments(test))
        services = {*_started(test), *(makers & fixtures)}
        for node in ast.walk(test):
            if (call := _alone(node)) and _is_async(call.func, fixtures, services):
                yield call.lineno, ast.unparse(call.func)


def _started(test: ast.AST) -> Iterator[str]:
    """Yield the names that stand for a service: ``service = await start()``."""
    for node in ast.walk(test):
        if isinstance(node, ast.Assign) and _is_start(node.value):
            yield from (t.id for t in node.targets if isinstance(t, ast.Name))


def _makes_service(fixture: ast.AST) -> bool:
    """Return whether a fixture returns or yields what ``await start()`` does."""
    results = [n.value for n in ast.walk(fixture) if isinstance(n, ast.Return | ast.Yield)]
    started = set(_started(fixture))
    return any(_is_start(value) or getattr(value, "id", "") in started for value in results)


def _is_start(value: ast.expr | None) -> bool:
    call = value.value if isinstance(value, ast.Await) else None
    return isinstance(call, ast.Call) and ast.unparse(call.func) == "start"


def _alone(node: ast.AST) -> ast.Call | None:
    """Return the call that a statement consists of, or that it asserts."""
    value = node.value if isinstance(node, ast.Expr) else None
    if isinstance(node, ast.Assert):
        value = node.test
        if isinstance(value, ast.UnaryOp):
            value = value.operand
    return value if isinstance(value, ast.Call) else None


def _is_async(function: ast.expr, fixtures: set[str], services: set[str]) -> bool:
    if isinstance(function, ast.Name):
        return function.id == "start" and "start" in fixtures
    if not isinstance(function, ast.Attribute) or not isinstance(function.value, ast.Name):
        return False
    owner = function.value.id
    if owner in services:
        return not function.attr.startswith("_")
    return owner in fixtures and function.attr in _ASYNC.get(owner, ())
