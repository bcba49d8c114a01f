"""Events: the classes that derive from ``torpor.Event``, their publishers and their subscribers.

The linker removes the class, and a board has a named tuple instead.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ..model.contract import Argument, Event, Handler, Publication
from ..model.types import Type
from . import shapes
from .aliases import statements
from .records import field_nodes
from .shapes import unquoted
from .source_module import Module

BASE = "torpor.Event"
PUBLISH = "publish"
LIB = "lib"  # the owner of an event that no service defines
_WAITING = (ast.Await, ast.AsyncWith, ast.AsyncFor)


def events(tree: ast.Module) -> dict[str, ast.ClassDef]:
    """Return the events that a module defines at its top level, by name."""
    classes = [node for node in statements(tree.body) if isinstance(node, ast.ClassDef)]
    if not any(node.bases for node in classes):
        return {}
    bases = _names_of_base(tree)
    return {c.name: c for c in classes if any(ast.unparse(base) in bases for base in c.bases)}


def _names_of_base(tree: ast.Module) -> set[str]:
    """The names under which a module uses ``torpor.Event``."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "torpor" and not node.level:
            found |= {a.asname or a.name for a in node.names if a.name == "Event"}
        elif isinstance(node, ast.Import):
            found |= {f"{a.asname or a.name}.Event" for a in node.names if a.name == "torpor"}
    return found


def owner_of(module: Module) -> str:
    """Return the service that a module belongs to, or ``LIB``."""
    parts = module.name.split(".")
    return parts[1] if parts[0] == "services" and len(parts) > 1 else LIB


def read_event(cls: ast.ClassDef, module: Module) -> Event:
    """Return the event of a class. If a rule refuses a field, its type is the source text."""
    defaults = {
        node.target.id: ast.unparse(node.value)
        for node in cls.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value
    }
    fields = (
        Argument(name, _type(node, module), defaults.get(name), module.where(node))
        for name, node in field_nodes(cls)
    )
    doc = ast.get_docstring(cls) or ""
    return Event(cls.name, owner_of(module), tuple(fields), module.where(cls), doc)


def _type(node: ast.expr, module: Module) -> Type:
    return shapes.parse(node, module) or Type(ast.unparse(unquoted(node)))


def event_of(node: ast.expr | None, module: Module) -> tuple[ast.ClassDef, Module] | None:
    """Return the event that an expression names, with the module that defines it."""
    node = unquoted(node) if node is not None else None
    return module.events.get(node.id) if isinstance(node, ast.Name) else None


def calls_of_publish(cls: ast.ClassDef) -> Iterator[ast.Attribute]:
    """Yield each ``self.publish`` of a class."""
    for node in ast.walk(cls):
        if isinstance(node, ast.Attribute) and ast.unparse(node) == f"self.{PUBLISH}":
            yield node


def publications(cls: ast.ClassDef, module: Module) -> Iterator[Publication]:
    """Yield the publications in a class that are written as the rules require."""
    for node in ast.walk(cls):
        if isinstance(node, ast.Await) and (found := published(node)):
            event = event_of(found[0], module)
            if event:
                yield Publication(event[0].name, waits(node), module.where(node))


def published(node: ast.Await) -> tuple[ast.expr, ast.Call] | None:
    """Return the class and the constructor's call of ``await self.publish(Class(...))``."""
    call = node.value
    if not isinstance(call, ast.Call) or ast.unparse(call.func) != f"self.{PUBLISH}":
        return None
    event = call.args[0] if len(call.args) == 1 else None
    return (event.func, event) if isinstance(event, ast.Call) else None


def waits(node: ast.Await) -> bool:
    """Whether a publication has ``wait=True``."""
    assert isinstance(node.value, ast.Call)
    return any(
        k.arg == "wait" and isinstance(k.value, ast.Constant) and k.value.value is True
        for k in node.value.keywords
    )


def is_handler(node: ast.AST) -> bool:
    """Whether a method handles events, and so is not part of the contract.

    Methods of services have only torpor's decorators, so checking the name is enough.
    """
    names = (d.func if isinstance(d, ast.Call) else d for d in getattr(node, "decorator_list", ()))
    return any(ast.unparse(name).rpartition(".")[2] == "on" for name in names)


def handler(
    node: ast.FunctionDef | ast.AsyncFunctionDef, call: ast.Call, module: Module
) -> Handler | None:
    """Return the handler that ``@on(Event)`` declares, or None if a rule refuses it."""
    event = event_of(call.args[0], module) if len(call.args) == 1 else None
    if event is None:
        return None
    durable = any(
        k.arg == "durable" and isinstance(k.value, ast.Constant) and k.value.value is True
        for k in call.keywords
    )
    return Handler(event[0].name, node.name, durable, pauses(node), module.where(node))


def pauses(node: ast.AST) -> bool:
    """Whether a method may wait for something. Otherwise it need not be ``async``."""
    return any(isinstance(inner, _WAITING) for inner in ast.walk(node))
