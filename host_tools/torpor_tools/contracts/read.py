"""From a service's source to its ``Contract``. What is wrong with it the rules tell, not this."""

from __future__ import annotations

import ast
from typing import Any

from ..model.contract import Argument, Contract, Method, Peer, Route
from .source import VERBS, Source, decorator

LIFECYCLE = ("start",)  # methods that the runtime calls, and no peer
_UNITS = {"ms": 1, "seconds": 1000, "minutes": 60_000, "hours": 3_600_000}


def read_contract(source: Source) -> Contract:
    """The contract of the module's service class; the module must have exactly one."""
    cls = source.classes[0]
    return Contract(
        service=source.service,
        class_name=cls.name,
        where=source.where(cls),
        methods=tuple(_method(source, node) for node in contract_methods(cls)),
        peers=tuple(_peers(source, cls)),
        has_app=any("app" in _targets(node) for node in cls.body),
        doc=ast.get_docstring(cls) or "",
    )


def contract_methods(cls: ast.ClassDef) -> list[ast.AsyncFunctionDef]:
    """The public ``async def``s of a class, the lifecycle hooks left out."""
    return [
        node
        for node in cls.body
        if isinstance(node, ast.AsyncFunctionDef)
        and not node.name.startswith("_")
        and node.name not in LIFECYCLE
    ]


def _targets(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.Assign):
        return [t.id for t in node.targets if isinstance(t, ast.Name)]
    if isinstance(node, ast.AnnAssign) and node.value and isinstance(node.target, ast.Name):
        return [node.target.id]
    return []


def _peers(source: Source, cls: ast.ClassDef) -> list[Peer]:
    imported = {i.alias: i for i in source.imports}
    found = []
    for node in cls.body:
        if isinstance(node, ast.AnnAssign) and node.value is None:
            name = annotation_name(node.annotation)
            if name in imported and isinstance(node.target, ast.Name):
                peer = imported[name]
                found.append(Peer(node.target.id, peer.name, peer.service, source.where(node)))
    return found


def annotation_name(node: ast.expr) -> str:
    """The text of an annotation, a quoted one without its quotes."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return ast.unparse(node)


def _method(source: Source, node: ast.AsyncFunctionDef) -> Method:
    routes = []
    every = None
    for item in node.decorator_list:
        found = decorator(source, item)
        name, call = found or ("", None)
        if call is None:
            continue
        if name in VERBS:
            path = constant(call.args[0]) if call.args else constant_keyword(call, "path")
            if isinstance(path, str):
                kind = constant_keyword(call, "content_type")
                kind = kind if isinstance(kind, str) else None
                routes.append(Route(name.upper(), path, source.where(item), kind))
        elif name == "every":
            every = period_ms(call)
    returns = annotation_name(node.returns) if node.returns else ""
    return Method(
        name=node.name,
        arguments=tuple(_arguments(source, node)),
        returns=returns,
        where=source.where(node),
        routes=tuple(routes),
        every_ms=every,
        streamed=is_generator(node),
        doc=ast.get_docstring(node) or "",
    )


def _arguments(source: Source, node: ast.AsyncFunctionDef) -> list[Argument]:
    arguments = [*node.args.posonlyargs, *node.args.args]
    defaults: list[ast.expr | None] = [None] * (len(arguments) - len(node.args.defaults))
    defaults += node.args.defaults
    return [
        Argument(
            a.arg,
            annotation_name(a.annotation) if a.annotation else "",
            ast.unparse(default) if default is not None else None,
            source.where(a),
        )
        for a, default in list(zip(arguments, defaults, strict=True))[1:]  # without self
    ]


def is_generator(node: ast.AsyncFunctionDef) -> bool:
    """Whether the method itself (not a function inside it) yields."""
    pending: list[ast.AST] = list(node.body)
    while pending:
        item = pending.pop()
        if isinstance(item, ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            pending.extend(ast.iter_child_nodes(item))
    return False


def constant(node: ast.expr) -> Any:
    """The value of a constant expression, or None."""
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None


def constant_keyword(call: ast.Call, name: str) -> Any:
    return next((constant(k.value) for k in call.keywords if k.arg == name), None)


def period_ms(call: ast.Call) -> int | None:
    """The period of ``@every(...)`` in ms, or None if it is not made of positive constants."""
    total = 0.0
    for keyword in call.keywords:
        value = constant(keyword.value)
        if keyword.arg not in _UNITS or type(value) not in (int, float) or value <= 0:
            return None
        total += value * _UNITS[keyword.arg]
    return int(total) if total >= 1 and not call.args else None
