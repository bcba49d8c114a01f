"""Rules for events: how they are declared, published and subscribed to."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ...errors import Problem
from ...model import types
from ..events import (
    BASE,
    calls_of_publish,
    event_of,
    handler,
    is_handler,
    published,
)
from ..read import Function, constant, is_generator, parameters
from ..shapes import parse, unquoted
from ..source import Source, decorator
from ..source_module import Module
from . import annotation_remedies

_FIELD = "use str, int, float, bool, list, dict or a record, with `| None` if it may be unknown"


def events_have_fields_only(source: Source) -> Iterator[Problem]:
    """An event is declared as a record is: it has fields that can be sent, and no methods."""
    for module in source.modules:
        for cls in (cls for cls, home in module.events.values() if home is module):
            if [ast.unparse(base) for base in cls.bases] != [ast.unparse(cls.bases[0])]:
                what = f"the event {cls.name} has a second base class"
                yield module.problem(cls, what, "derive it from Event alone")
            for node in (*cls.decorator_list, *(k.value for k in cls.keywords)):
                what = f"the event {cls.name} may have only fields"
                yield module.problem(node, what, "leave it out")
            for item in cls.body:
                yield from _of_body(cls, item, module, source)


def _of_body(
    cls: ast.ClassDef, node: ast.stmt, module: Module, source: Source
) -> Iterator[Problem]:
    is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    if is_text or isinstance(node, ast.Pass):
        return
    if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
        what = f"the event {cls.name} may have only fields: the board has no such class"
        yield module.problem(node, what, "write the fields, as in `fridge: str`; nothing else")
        return
    name = node.target.id
    place = f"{cls.name}.{name}"
    type_ = parse(node.annotation, module)
    if type_ is None or not types.is_json(type_):
        text = type_ or ast.unparse(unquoted(node.annotation))
        other = annotation_remedies.remedy(node.annotation, module, source)
        yield module.problem(node, f"{place}: {text} cannot be sent", other or _FIELD)
    if node.value and constant(node.value) is ...:
        what = f"{place}: the default {ast.unparse(node.value)} is not a constant"
        yield module.problem(node, what, "write the value itself, or None")
    if name.startswith("_"):
        what = f"{place}: a field needs a public name"
        yield module.problem(node, what, f"call it {name.lstrip('_') or 'value'}")


def events_derive_from_event(source: Source) -> Iterator[Problem]:
    """An event derives from ``Event`` itself, at the top level: no event extends another one."""
    for module in source.modules:
        known = [cls for cls, home in module.events.values() if home is module]
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.ClassDef) or node in known:
                continue
            for base in node.bases:
                if event_of(base, module):
                    what = f"{node.name} derives from the event {ast.unparse(base)}"
                    yield module.problem(node, what, "derive it from Event, with all its fields")
                elif module.origin(base) == BASE:
                    what = f"the event {node.name} is not at the top level of the module"
                    yield module.problem(node, what, "define it there: the build reads it")


def events_are_published_as_such(source: Source, cls: ast.ClassDef) -> Iterator[Problem]:
    """``await self.publish(Event(...), wait=True)``: the build must see which event it is."""
    for part in source.lineage:
        right = set()
        for node in ast.walk(part.node):
            if isinstance(node, ast.Await) and (found := published(node)):
                assert isinstance(node.value, ast.Call)
                right.add(node.value.func)
                yield from _publication(node.value, *found, part.module)
        for attribute in calls_of_publish(part.node):
            if attribute not in right:
                what = "the build cannot read this self.publish"
                yield part.module.problem(attribute, what, _PUBLISH)


_PUBLISH = "write await self.publish(Event(field=...)), with the event constructed in the call"


def _publication(
    call: ast.Call, event: ast.expr, construction: ast.Call, module: Module
) -> Iterator[Problem]:
    if not event_of(event, module):
        what = f"{ast.unparse(event)} is published, but is not an event"
        yield module.problem(call, what, "publish a class that derives from torpor's Event")
    if construction.args or any(keyword.arg is None for keyword in construction.keywords):
        what = f"{ast.unparse(event)}(...) must name its fields"
        yield module.problem(construction, what, "write each field as field=value")
    for keyword in call.keywords:
        if keyword.arg != "wait" or not isinstance(constant(keyword.value), bool):
            what = f"publish takes an event and wait, not {ast.unparse(keyword)}"
            yield module.problem(call, what, "write wait=True, or leave it out")


def handlers_are_right(source: Source, cls: ast.ClassDef) -> Iterator[Problem]:
    """``@on(Event)`` on ``async def name(self, event: Event) -> None``."""
    for node in cls.body:
        if not isinstance(node, Function):
            continue
        module = source.owner(node)
        found = [f for item in node.decorator_list if (f := decorator(module, item))]
        for name, call in found:
            if name == "on":
                yield from _handler(node, call, module, len(found) > 1)


def _is_plain(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return isinstance(node, ast.AsyncFunctionDef) and not is_generator(node)


def handlers_are_called_with_events_only(source: Source, cls: ast.ClassDef) -> Iterator[Problem]:
    """The service itself does not call its handlers, which are not coroutines on the board."""
    handlers = {node.name for node in cls.body if is_handler(node) and isinstance(node, Function)}
    for part in source.lineage if handlers else ():
        for node in ast.walk(part.node):
            name = node.attr if isinstance(node, ast.Attribute) else ""
            if name in handlers and ast.unparse(node) == f"self.{name}":
                what = f"{cls.name}.{name} handles events and must not be called"
                remedy = "move its code into a private method, and call that in both places"
                yield part.module.problem(node, what, remedy)


def _handler(
    node: ast.FunctionDef | ast.AsyncFunctionDef,
    call: ast.Call | None,
    module: Module,
    is_more: bool,
) -> Iterator[Problem]:
    said = handler(node, call, module) if call else None
    if call is None or said is None:
        text = ast.unparse(call.args[0]) if call and call.args else ""
        what = f"@on({text}): {text} is not an event" if text else "@on needs an event"
        remedy = f"write @on(Event) above {node.name}, with a class that derives from Event"
        yield module.problem(node, what, remedy)
        return
    for keyword in call.keywords:
        if keyword.arg != "durable" or not isinstance(constant(keyword.value), bool):
            what = f"@on takes an event and durable, not {ast.unparse(keyword)}"
            yield module.problem(node, what, "write durable=True, or leave it out")
    arguments = parameters(node)
    event = event_of(call.args[0], module)
    types = [event_of(arg.annotation, module) for arg, _ in arguments]
    returns = ast.unparse(node.returns) if node.returns else ""
    fits = types == [event] and returns == "None"
    if not fits or node.args.kwonlyargs or node.args.vararg or not _is_plain(node):
        name = ast.unparse(call.args[0])
        what = f"{node.name} is called with only the event {name}, and returns nothing"
        remedy = f"write async def {node.name}(self, event: {name}) -> None"
        yield module.problem(node, what, remedy)
    if is_more:
        what = f"{node.name} has @on and another decorator"
        remedy = "write two methods, one of which only handles the event"
        yield module.problem(node, what, remedy)
