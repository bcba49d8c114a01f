"""Rules for decorators: routes, their paths and parameters."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from ...errors import Problem
from ...model.cluster import LONGEST_MS
from ...model.contract import Route
from ...model.types import STREAM
from ...suggest import did_you_mean
from .. import shapes
from ..read import (
    LIFECYCLE,
    Function,
    constant,
    contract_methods,
    is_generator,
    parameters,
    routes,
)
from ..source import TRIGGERS, VERBS, Source, decorator

_PARAMETER = re.compile(r"<[A-Za-z_][A-Za-z0-9_]*>")
_TYPED_PARAMETER = re.compile(r"<(str|string|int|float|bool|path):([A-Za-z_][A-Za-z0-9_]*)>")


def decorators_are_right(source: Source, cls: ast.ClassDef) -> Iterator[Problem]:
    """``@get("/path")`` with a literal text, on a method of the contract."""
    for node, item, name, call in decorated(source, cls):
        if node.name.startswith("_") or node.name in LIFECYCLE:
            what = f"@{name} on {node.name}, which is not part of the contract"
            yield source.problem(item, what, "give the method a public name")
        elif name in VERBS and (what := _wrong_call(call)):
            remedy = f'write @{name}("/path") or @{name}("/path", content_type="text/csv")'
            yield source.problem(item, f"@{name} {what}", remedy)


def decorated(
    source: Source, cls: ast.ClassDef
) -> Iterator[tuple[Function, ast.expr, str, ast.Call | None]]:
    """All torpor decorators of a class: method, decorator, its name, its call."""
    for node in cls.body:
        if isinstance(node, Function):
            for item in node.decorator_list:
                if found := decorator(source.owner(item), item):
                    yield node, item, *found


def _wrong_call(call: ast.Call | None) -> str:
    if call is None:
        return "needs a path: it is written without one"
    if len(call.args) != 1 or not isinstance(constant(call.args[0]), str):
        return "needs a path, written as one literal text"
    for keyword in call.keywords:
        if keyword.arg == "idempotent":
            if not isinstance(constant(keyword.value), bool):
                return "needs its idempotent as True or False"
            continue
        if keyword.arg == "deadline_ms":
            ms = constant(keyword.value)
            if type(ms) is not int or not 0 < ms <= LONGEST_MS:
                return f"needs its deadline_ms as a number of milliseconds, 1 to {LONGEST_MS}"
            continue
        if keyword.arg != "content_type":
            return f"has no argument {keyword.arg or '**'}"
        if not isinstance(constant(keyword.value), str):
            return "needs its content_type as a literal text"
    return ""


def paths_are_well_formed(source: Source, cls: ast.ClassDef) -> Iterator[Problem]:
    """A path begins with a slash; a segment is fixed text or one parameter."""
    for _, route in _routes(source, cls):
        if wrong := _wrong_path(route):
            what, remedy = wrong
            yield Problem(route.where, f"the path {route.path} {what}", remedy)


def _wrong_path(route: Route) -> tuple[str, str] | None:
    if not route.path.startswith("/"):
        return "does not begin with a slash", f'write "/{route.path}"'
    if "?" in route.path or "#" in route.path:
        return "contains a query", "name the arguments in the method only: they come from the query"
    if "%" in route.path or " " in route.path:
        return "contains a space or percent-encoding", "write plain text, for example a dash"
    if "" in route.segments and route.path != "/":
        return "has an empty segment", "remove the extra slash"
    for segment in route.segments:
        if wrong := _wrong_segment(segment):
            return wrong
    return None


def _wrong_segment(segment: str) -> tuple[str, str] | None:
    if segment == "*":
        return "has a segment *", "name the parameter: <name>"
    if typed := _TYPED_PARAMETER.fullmatch(segment):
        remedy = f"write <{typed[2]}>: the type is that of the argument {typed[2]}"
        return "has a parameter with a type", remedy
    if ("<" in segment or ">" in segment) and not _PARAMETER.fullmatch(segment):
        return f"has {segment}: a parameter is a whole segment", "write /<name>/ or a plain text"
    return None


def parameters_have_arguments(source: Source, cls: ast.ClassDef) -> Iterator[Problem]:
    """Each parameter of a path is an argument of the method, and appears once."""
    for node, route in _routes(source, cls):
        if _wrong_path(route):
            continue
        names = [arg.arg for arg, _ in parameters(node)]
        for parameter in dict.fromkeys(route.parameters):
            if parameter not in names:
                what = f"{cls.name}.{node.name} has no argument for <{parameter}> of {route.path}"
                remedy = did_you_mean(parameter, names) or f"add the argument {parameter}: str"
                yield Problem(route.where, what, remedy)
            if route.parameters.count(parameter) > 1:
                what = f"<{parameter}> appears twice in {route.path}"
                yield Problem(route.where, what, "give one of them another name")


def routes_do_not_collide(source: Source, cls: ast.ClassDef) -> Iterator[Problem]:
    """No two routes of a service answer the same requests."""
    seen: dict[tuple[str, ...], tuple[str, Route]] = {}
    for node, route in _routes(source, cls):
        key = (route.verb, *("*" if s.startswith("<") else s for s in route.segments))
        if key in seen:
            other, first = seen[key]
            what = (
                f"{route.verb} {route.path} of {node.name} collides with {first.path} of {other} "
                f"(line {first.where.line})"
            )
            yield Problem(route.where, what, "change one of the paths")
        seen.setdefault(key, (node.name, route))


def _routes(source: Source, cls: ast.ClassDef) -> Iterator[tuple[Function, Route]]:
    for node in contract_methods(cls):
        for route in routes(source.owner(node), node):
            yield node, route


def streams_have_routes(source: Source, cls: ast.ClassDef) -> Iterator[Problem]:
    """A method that yields is annotated so, has a route, and has no schedule."""
    for node in contract_methods(cls):
        place = f"{cls.name}.{node.name}"
        type_ = shapes.parse(node.returns, source.owner(node)) if node.returns else None
        says_so = type_ is not None and type_.name == STREAM
        names = [name for other, _, name, _ in decorated(source, cls) if other is node]
        if says_so and not is_generator(node):
            what = f"{place} is annotated as a stream, but does not yield"
            yield source.problem(node, what, "yield the chunks in the method itself")
        elif is_generator(node) and node.returns and not says_so:
            what = f"{place} yields, but is not annotated as a stream"
            yield source.problem(node, what, "annotate it -> AsyncIterator[str]")
        elif is_generator(node) and not set(VERBS) & set(names):
            what = f"{place} streams, but has no route, and a peer cannot call it"
            yield source.problem(node, what, "give it a route, or return a list")
        elif is_generator(node) and any(r.deadline_ms for r in routes(source.owner(node), node)):
            what = f"{place} streams, so its route cannot have a deadline_ms"
            yield source.problem(node, what, "remove it: a stream ends when its client disconnects")
        elif is_generator(node) and (trigger := next((n for n in names if n in TRIGGERS), "")):
            what = f"{place} streams, so nobody reads its chunks when @{trigger} calls it"
            yield source.problem(node, what, f"move @{trigger} to a separate method")
