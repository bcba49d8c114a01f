"""Rules for the methods of a contract: their arguments and what they return."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ...errors import Problem
from ...model import types
from ...model.types import Type
from .. import shapes
from ..read import (
    Function,
    annotated_type,
    constant,
    contract_methods,
    is_generator,
    parameters,
    routes,
)
from ..source import Source
from . import annotation_remedies

_ARGUMENT = "use str, int, float, bool, list, dict or Any, with `| None` if it may be left out"
_RESULT = "use str, int, float, bool, bytes, list, dict, Any or None"


def public_methods_are_async(source: Source, cls: ast.ClassDef) -> Iterator[Problem]:
    """A call reads the same whether the peer is local or remote."""
    for node in cls.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            what = f"{cls.name}.{node.name} is public but not async"
            remedy = f"write async def {node.name}, or name it _{node.name} if no peer needs it"
            yield source.problem(node, what, remedy)


def arguments_are_plain(source: Source, cls: ast.ClassDef) -> Iterator[Problem]:
    """Every argument can be given by its place and by its name."""
    for node in contract_methods(cls):
        for text in _odd_arguments(node):
            what = f"{cls.name}.{node.name}: {text} cannot be part of a contract"
            yield source.problem(node, what, "name each argument; give it a default if optional")
        if not [*node.args.posonlyargs, *node.args.args]:
            what = f"{cls.name}.{node.name} has no self"
            yield source.problem(node, what, f"write async def {node.name}(self, ...)")


def _odd_arguments(node: Function) -> Iterator[str]:
    a = node.args
    if a.vararg:
        yield f"*{a.vararg.arg}"
    if a.kwarg:
        yield f"**{a.kwarg.arg}"
    if a.kwonlyargs:
        yield f"the keyword-only argument {a.kwonlyargs[0].arg}"
    if a.posonlyargs:
        yield "positional-only arguments (/)"


def arguments_are_annotated(source: Source, cls: ast.ClassDef) -> Iterator[Problem]:
    """Every argument has a type, one that a request or a peer can send."""
    for node in contract_methods(cls):
        routed = list(routes(source.owner(node), node))
        in_path = {name for route in routed for name in route.parameters}
        for arg, _ in parameters(node):
            place = f"{cls.name}.{node.name}: "
            if arg.annotation is None:
                what = f"{place}the argument {arg.arg} has no annotation"
                yield source.problem(arg, what, f"write its type, for example {arg.arg}: str")
                continue
            type_ = shapes.parse(arg.annotation, source.owner(node))
            text = annotated_type(arg.annotation, source.owner(node))
            if type_ is None or not types.is_json(type_):
                what = f"{place}{arg.arg}: {text} cannot be sent to a service"
                other = annotation_remedies.remedy(arg.annotation, source.owner(node), source)
                yield source.problem(arg, what, _hint(type_) or other or _ARGUMENT)
            elif arg.arg in in_path and not types.is_path_argument(type_):
                what = f"{place}<{arg.arg}> in the path cannot be {text}"
                yield source.problem(arg, what, "use str, int, float or bool")
            elif routed and not types.is_routed_argument(type_):
                what = f"{place}{arg.arg}: {text} does not say what a request must contain"
                yield source.problem(arg, what, "choose one type, or Any and check it yourself")


def results_are_annotated(source: Source, cls: ast.ClassDef) -> Iterator[Problem]:
    """Every method states its result's type, one that can be sent."""
    for node in contract_methods(cls):
        place = f"{cls.name}.{node.name}"
        if node.returns is None:
            what = f"{place} has no return annotation"
            plain = "write -> None, -> dict, or what it returns"
            stream = "write -> AsyncIterator[str], from collections.abc: it yields"
            yield source.problem(node, what, stream if is_generator(node) else plain)
            continue
        type_ = shapes.parse(node.returns, source.owner(node))
        routed = any(routes(source.owner(node), node))
        if type_ is None:
            what = f"{place}: {annotated_type(node.returns, source.owner(node))} cannot be returned"
            other = annotation_remedies.remedy(node.returns, source.owner(node), source)
            yield source.problem(node, what, other or _RESULT)
        elif type_.name == types.STREAM:
            if not types.is_stream(type_):
                yield source.problem(
                    node, f"{place}: {type_} is not a stream", "use AsyncIterator[str] or [bytes]"
                )
        elif not types.is_result(type_, routed):
            what = f"{place}: {type_} cannot be returned"
            yield source.problem(node, what, _result_hint(type_, routed))


def _hint(type_: Type | None) -> str:
    """The remedy for the part of a type that cannot be sent."""
    if type_ is None or types.is_json(type_):
        return ""
    if type_.name == "bytes":
        return "send bytes as text: binascii.b2a_base64(data)"
    if type_.name == "tuple":
        return "use list: JSON has no tuples"
    inner = next(filter(None, map(_hint, type_.parts)), "")
    if not inner and type_.name == types.UNION:
        return "give each record a field that says which it is: kind: Literal['a']"
    return inner or ("use dict[str, ...]: JSON's keys are text" if type_.name == "dict" else "")


def _result_hint(type_: Type, routed: bool) -> str:
    if any(part.name == "tuple" for part in type_.options):
        if not routed:
            return "use list: a tuple with a status is for the answer of a route"
        return "a tuple is (object, status) or (object, status, headers): tuple[dict, int]"
    return _hint(type_) or _RESULT


def defaults_are_allowed(source: Source, cls: ast.ClassDef) -> Iterator[Problem]:
    """A default is within the limits of its argument."""
    for node in contract_methods(cls):
        for arg, default in parameters(node):
            type_ = shapes.parse(arg.annotation, source.owner(node)) if arg.annotation else None
            value = ... if default is None else constant(default)
            limited = [t for t in type_.values if t.limits] if type_ else []
            allowed = any(t.limits and t.limits.allow(value) for t in limited)
            if limited and not allowed and value not in (None, ...):
                what = f"{cls.name}.{node.name}: {arg.arg}: its type {type_} refuses {value!r}"
                yield source.problem(arg, what, "change the default or the limits")


def defaults_are_constants(source: Source, cls: ast.ClassDef) -> Iterator[Problem]:
    """The wiring and the stubs repeat a default, so it is a constant."""
    for node in contract_methods(cls):
        for arg, default in parameters(node):
            if default is not None and constant(default) is ...:
                text = ast.unparse(default)
                what = f"{cls.name}.{node.name}: {arg.arg}: the default {text} is not a constant"
                remedy = "write the value itself, or None and choose it in the method"
                yield source.problem(default, what, remedy)
