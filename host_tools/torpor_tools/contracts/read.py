"""Reads a service's source into its ``Contract``; the rules report mistakes in it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

from ..errors import Where
from ..model.contract import (
    Argument,
    Contract,
    Event,
    Handler,
    Method,
    Migration,
    Peer,
    Route,
    Wake,
)
from ..model.types import Type
from ..python_names import is_foreign
from . import events, shapes
from .shapes import unquoted
from .source import VERBS, Module, Source, decorator

LIFECYCLE = ("start",)  # methods that only the runtime calls
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_UNITS = {"ms": 1, "seconds": 1000, "minutes": 60_000, "hours": 3_600_000}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def read_contract(source: Source) -> Contract:
    """The contract of the module's service class; the module must have exactly one."""
    cls = source.classes[0]
    return Contract(
        service=source.service,
        class_name=cls.name,
        where=source.where(cls),
        methods=tuple(_method(source.owner(node), node) for node in contract_methods(cls)),
        peers=tuple(peer for _, peer in peers(source, cls)),
        has_app=any("app" in assigned(node) for node in cls.body),
        doc=ast.get_docstring(cls) or "",
        uses_store=any(_uses(part.node, "store") for part in source.lineage),
        uses_state=any(_uses(part.node, "state") for part in source.lineage),
        migrations=tuple(_migration(module) for module in source.migrations),
        spawns=next(_spawns(source), None),
        drives=_drives(source),
        events=tuple(_events(source)),
        publishes=tuple(p for c in source.lineage for p in events.publications(c.node, c.module)),
        handlers=tuple(_handlers(source, cls)),
    )


def _events(source: Source) -> Iterator[Event]:
    """The events that the modules of a service define, and those that they import."""
    found = {id(cls): (cls, home) for m in source.modules for cls, home in m.events.values()}
    for event_class, home in found.values():
        yield events.read_event(event_class, home)


def _handlers(source: Source, cls: ast.ClassDef) -> Iterator[Handler]:
    for node in cls.body:
        if isinstance(node, Function):
            module = source.owner(node)
            for item in node.decorator_list:
                name, call = decorator(module, item) or ("", None)
                if name == "on" and call and (found := events.handler(node, call, module)):
                    yield found


def _uses(cls: ast.ClassDef, name: str) -> bool:
    """Return whether the class uses ``self.<name>``."""
    return any(
        isinstance(n, ast.Attribute) and n.attr == name and ast.unparse(n.value) == "self"
        for n in ast.walk(cls)
    )


def _drives(source: Source) -> Where | None:
    """Find where the service has a safe output."""
    for cls in source.lineage:
        for node in ast.walk(cls.node):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "self.output":
                return cls.module.where(node)
    return None


_TASKS = ("asyncio.create_task", "asyncio.Task")


def _spawns(source: Source) -> Iterator[Where]:
    """Find where the service uses ``spawn`` or an asyncio function that starts a task."""
    for module in source.modules:
        for node in ast.walk(module.tree):
            is_spawn = isinstance(node, ast.Attribute) and node.attr in ("spawn", "create_task")
            if is_spawn or module.origin(node) in _TASKS:
                yield module.where(node)


def _migration(module: Module) -> Migration:
    name = module.name.rpartition(".")[2]
    calls = [n.func for n in ast.walk(module.tree) if isinstance(n, ast.Call)]
    indexes = any(isinstance(f, ast.Attribute) and f.attr == "index" for f in calls)
    return Migration(name, module.digest, Where(module.file), indexes)


def contract_methods(cls: ast.ClassDef) -> list[ast.AsyncFunctionDef]:
    """The public ``async def``s of a class, without lifecycle hooks and handlers of events."""
    return [
        node
        for node in cls.body
        if isinstance(node, ast.AsyncFunctionDef)
        and not node.name.startswith("_")
        and node.name not in LIFECYCLE
        and not events.is_handler(node)
    ]


def assigned(node: ast.stmt) -> list[str]:
    """The names that a statement of a class body gives a value."""
    if isinstance(node, ast.Assign):
        return [t.id for t in node.targets if isinstance(t, ast.Name)]
    if isinstance(node, ast.AnnAssign) and node.value and isinstance(node.target, ast.Name):
        return [node.target.id]
    return []


def peers(source: Source, cls: ast.ClassDef) -> Iterator[tuple[ast.AnnAssign, Peer]]:
    """The class annotations that name another service's class."""
    for node in cls.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            origin = source.owner(node).origin(unquoted(node.annotation))
            package, _, name = origin.rpartition(".")
            if package.count(".") == 1 and is_foreign(package, source.service):
                service = package.partition(".")[2]
                yield node, Peer(node.target.id, name, service, source.where(node))


def annotated_type(node: ast.expr | None, module: Module) -> Type:
    """The type of an annotation; if a rule refuses it, the source text."""
    if node is None:
        return Type("")
    return shapes.parse(node, module) or Type(ast.unparse(unquoted(node)))


def routes(module: Module, node: Function) -> Iterator[Route]:
    """The routes from a method's decorators."""
    for item in node.decorator_list:
        name, call = decorator(module, item) or ("", None)
        if name in VERBS and call and call.args and isinstance(constant(call.args[0]), str):
            values = {k.arg: constant(k.value) for k in call.keywords}
            kind, ms = values.get("content_type"), values.get("deadline_ms")
            kind = kind if isinstance(kind, str) else None
            ms = ms if isinstance(ms, int) else None
            yield Route(name.upper(), constant(call.args[0]), module.where(item), kind, ms)


def _method(module: Module, node: ast.AsyncFunctionDef) -> Method:
    calls = [decorator(module, item) or ("", None) for item in node.decorator_list]
    periods = [period_ms(call) for name, call in calls if name == "every" and call]
    return Method(
        name=node.name,
        arguments=tuple(_arguments(module, node)),
        returns=annotated_type(node.returns, module),
        where=module.where(node),
        routes=tuple(routes(module, node)),
        every_ms=periods[0] if periods else None,
        streamed=is_generator(node),
        doc=ast.get_docstring(node) or "",
        safe=any(name == "safe" for name, _ in calls),
        idempotent=any(call is not None and _is_idempotent(call) for _, call in calls),
        daily_s=next((daily_s(call) for name, call in calls if name == "daily" and call), None),
        wake=next(_wakes(module, node), None),
        at_start=not any(_is_late(call) for name, call in calls if name == "every" and call),
    )


def _wakes(module: Module, node: Function) -> Iterator[Wake]:
    for item in node.decorator_list:
        name, call = decorator(module, item) or ("", None)
        if name == "on_wake" and call and (found := wake_pin(call)):
            yield Wake(*found, module.where(item))


def _is_late(call: ast.Call) -> bool:
    """Whether ``@every(...)`` has ``first=False``."""
    return any(k.arg == "first" and constant(k.value) is False for k in call.keywords)


def _is_idempotent(call: ast.Call) -> bool:
    return any(k.arg == "idempotent" and constant(k.value) is True for k in call.keywords)


def parameters(node: Function) -> list[tuple[ast.arg, ast.expr | None]]:
    """A method's arguments without ``self``, each with its default."""
    parameters = [*node.args.posonlyargs, *node.args.args]
    defaults: list[ast.expr | None] = [None] * (len(parameters) - len(node.args.defaults))
    return list(zip(parameters, [*defaults, *node.args.defaults], strict=True))[1:]


def _arguments(module: Module, node: Function) -> Iterator[Argument]:
    for arg, default in parameters(node):
        text = None if default is None else ast.unparse(default)
        yield Argument(arg.arg, annotated_type(arg.annotation, module), text, module.where(arg))


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
    """The value of a plain constant (text, number, bool, None), or ``...`` if it is none."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = constant(node.operand)
        return -value if type(value) in (int, float) else ...
    if isinstance(node, ast.Constant) and isinstance(node.value, str | int | float | None):
        return node.value
    return ...


def period_ms(call: ast.Call) -> int | None:
    """The period of ``@every(...)`` in ms, or None if it is not made of positive constants."""
    total = 0.0
    for keyword in call.keywords:
        value = constant(keyword.value)
        if keyword.arg == "first" and type(value) is bool:
            continue
        if keyword.arg not in _UNITS or type(value) not in (int, float) or value <= 0:
            return None
        total += value * _UNITS[keyword.arg]
    return int(total) if total >= 1 and not call.args else None


def daily_s(call: ast.Call) -> int | None:
    """The time of day of ``@daily("07:30")`` in seconds, or None if it is not written so."""
    if len(call.args) != 1 or call.keywords or not isinstance(constant(call.args[0]), str):
        return None
    match = _TIME.fullmatch(constant(call.args[0]))
    return int(match[1]) * 3600 + int(match[2]) * 60 if match else None


def wake_pin(call: ast.Call) -> tuple[int, int] | None:
    """Pin and level of ``@on_wake(pin=4, level=0)``, or None if it is not written so."""
    keywords = {keyword.arg: constant(keyword.value) for keyword in call.keywords}
    pin, level = keywords.get("pin"), keywords.get("level")
    right = not call.args and keywords.keys() == {"pin", "level"}
    return (pin, level) if right and type(pin) is int and level in (0, 1) else None
