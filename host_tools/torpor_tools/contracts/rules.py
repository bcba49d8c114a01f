"""What a single service must not do: one function a mistake, each tells all that it finds.

Every rule has a case file in ``tests/cases/errors``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator

from ..config.suggest import did_you_mean
from ..errors import Problem
from ..model.contract import Route
from .read import (
    LIFECYCLE,
    annotation_name,
    constant,
    contract_methods,
    is_generator,
    period_ms,
)
from .source import VERBS, Source, decorator

Rule = Callable[[Source, ast.ClassDef], Iterator[Problem]]

RESERVED = ("name", "config", "log", "spawn", "start", "state", "store", "app")
_SCALARS = ("str", "int", "float", "bool", "bytes", "Any", "None", "object")
_CONTAINERS = ("list", "dict", "tuple")
_STREAMS = ("AsyncIterator", "AsyncGenerator", "AsyncIterable")
_PARAMETER = re.compile(r"<[A-Za-z_][A-Za-z0-9_]*>")


def one_service_class(source: Source) -> Iterator[Problem]:
    """A service's module holds exactly one class that derives from ``Service``."""
    if not source.classes:
        yield source.problem(
            source.tree.body[0] if source.tree.body else source.tree,
            f"{source.service} has no service class",
            "write: class Name(Service), with Service imported from torpor",
        )
    for cls in source.classes[1:]:
        yield source.problem(
            cls,
            f"{source.service} has a second service class, {cls.name}",
            "one service a folder: move it to a folder of its own below services/",
        )


def public_methods_are_async(source: Source, cls: ast.ClassDef) -> Iterator[Problem]:
    for node in cls.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield source.problem(
                node,
                f"{cls.name}.{node.name} is public but not async",
                f"write async def {node.name}, or name it _{node.name} if no peer needs it",
            )


def methods_are_annotated(source: Source, cls: ast.ClassDef) -> Iterator[Problem]:
    for node in contract_methods(cls):
        for arg in [*node.args.posonlyargs, *node.args.args][1:]:
            if arg.annotation is None:
                yield source.problem(
                    arg,
                    f"{cls.name}.{node.name}: the argument {arg.arg} has no annotation",
                    f"write its type, for example {arg.arg}: str",
                )
            elif not _supported(arg.annotation):
                yield source.problem(
                    arg,
                    f"{cls.name}.{node.name}: {arg.arg}: {annotation_name(arg.annotation)} cannot "
                    "be sent between services",
                    "use str, int, float, bool, list, dict, or one of them | None",
                )
        if node.returns is None:
            yield source.problem(
                node,
                f"{cls.name}.{node.name} does not say what it returns",
                "write -> None, -> dict, or what it returns",
            )
        elif not _supported(node.returns, returned=True):
            yield source.problem(
                node,
                f"{cls.name}.{node.name}: {annotation_name(node.returns)} cannot be returned",
                "use str, int, float, bool, bytes, list, dict, tuple, None, or AsyncIterator[str]",
            )


def _supported(node: ast.expr, returned: bool = False) -> bool:
    if isinstance(node, ast.Constant):
        if node.value is None:
            return True
        if isinstance(node.value, str):
            try:
                return _supported(ast.parse(node.value, mode="eval").body, returned)
            except SyntaxError:
                return False
        return False
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _supported(node.left) and _supported(node.right)
    if isinstance(node, ast.Name):
        return node.id in _SCALARS or node.id in _CONTAINERS
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
        if returned and node.value.id in _STREAMS:
            return True
        inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        inner = [i for i in inner if not (isinstance(i, ast.Constant) and i.value is ...)]
        return node.value.id in _CONTAINERS and all(_supported(i) for i in inner)
    return isinstance(node, ast.Attribute) and node.attr == "Any"


def arguments_are_plain(source: Source, cls: ast.ClassDef) -> Iterator[Problem]:
    for node in contract_methods(cls):
        a = node.args
        if a.vararg or a.kwarg or a.kwonlyargs or a.posonlyargs:
            yield source.problem(
                node,
                f"{cls.name}.{node.name}: *args, **kwargs, keyword-only and positional-only "
                "arguments cannot be part of a contract",
                "name each argument and give it a default if it is optional",
            )
        for default in a.defaults:
            if constant(default) is None and ast.unparse(default) != "None":
                yield source.problem(
                    default,
                    f"{cls.name}.{node.name}: the default {ast.unparse(default)} is not a constant",
                    "write the value itself, or None and choose it in the method",
                )


def decorators_are_right(source: Source, cls: ast.ClassDef) -> Iterator[Problem]:
    for node in cls.body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for item in node.decorator_list:
            found = decorator(source, item)
            if not found:
                continue
            name, call = found
            if name in VERBS:
                if (
                    call is None
                    or len(call.args) != 1
                    or not isinstance(constant(call.args[0]), str)
                ):
                    yield source.problem(
                        item, f"@{name} needs a path", f'write @{name}("/path") with a literal text'
                    )
                elif wrong := [k.arg for k in call.keywords if k.arg != "content_type"]:
                    yield source.problem(
                        item,
                        f"@{name} does not know {wrong[0]}",
                        "it takes a path and content_type",
                    )
            elif name == "every":
                if call is None or period_ms(call) is None:
                    yield source.problem(
                        item,
                        "@every needs a period",
                        "write @every(seconds=60) with hours, minutes, seconds or ms as constants",
                    )
                required = len(node.args.args) - 1 - len(node.args.defaults)
                if required > 0:
                    yield source.problem(
                        node,
                        f"{cls.name}.{node.name} is called by @every without arguments",
                        "give its arguments defaults",
                    )
            if node.name.startswith("_") or node.name in LIFECYCLE:
                yield source.problem(
                    item,
                    f"@{name} on {node.name}, which is not part of the contract",
                    "give the method a public name",
                )


def paths_are_well_formed(source: Source, cls: ast.ClassDef) -> Iterator[Problem]:
    for node, route in _routes(source, cls):
        what = ""
        if not route.path.startswith("/"):
            what = "does not begin with a slash"
        elif any(c in route.path for c in "?#% "):
            what = "holds a query, a fragment, a space or percent-encoding"
        for segment in route.segments:
            if segment == "*":
                what = "has a segment *, which stands for parameters inside torpor"
            elif ("<" in segment or ">" in segment) and not _PARAMETER.fullmatch(segment):
                what = f"has {segment}: a parameter is a whole segment, <name>"
        if what:
            yield Problem(route.where, f"the path {route.path} {what}", "for example /items/<name>")
        names = [a.arg for a in node.args.args[1:]]
        for parameter in route.parameters:
            if parameter not in names:
                yield Problem(
                    route.where,
                    f"{cls.name}.{node.name} has no argument for <{parameter}>",
                    did_you_mean(parameter, names) or f"add the argument {parameter}: str",
                )
            if route.parameters.count(parameter) > 1:
                yield Problem(
                    route.where, f"<{parameter}> is twice in {route.path}", "give one another name"
                )


def routes_do_not_collide(source: Source, cls: ast.ClassDef) -> Iterator[Problem]:
    seen: dict[tuple[str, ...], tuple[str, Route]] = {}
    for node, route in _routes(source, cls):
        shape = tuple("*" if s.startswith("<") else s for s in route.segments)
        key = (route.verb, *shape)
        if key in seen:
            other, first = seen[key]
            yield Problem(
                route.where,
                f"{route.verb} {route.path} of {node.name} collides with {first.path} of {other} "
                f"(line {first.where.line})",
                "change one of the paths",
            )
        else:
            seen[key] = (node.name, route)


def _routes(source: Source, cls: ast.ClassDef) -> Iterator[tuple[ast.AsyncFunctionDef, Route]]:
    for node in contract_methods(cls):
        for item in node.decorator_list:
            found = decorator(source, item)
            if found and found[0] in VERBS and found[1] and found[1].args:
                path = constant(found[1].args[0])
                if isinstance(path, str):
                    yield node, Route(found[0].upper(), path, source.where(item))


def path_parameters_are_scalar(source: Source, cls: ast.ClassDef) -> Iterator[Problem]:
    for node, route in _routes(source, cls):
        for arg in node.args.args[1:]:
            if arg.arg in route.parameters and arg.annotation is not None:
                text = annotation_name(arg.annotation)
                if text not in ("str", "int", "float", "bool"):
                    yield source.problem(
                        arg,
                        f"{cls.name}.{node.name}: <{arg.arg}> in the path cannot be {text}",
                        "use str, int, float or bool",
                    )


def streams_have_routes(source: Source, cls: ast.ClassDef) -> Iterator[Problem]:
    for node in contract_methods(cls):
        returns = annotation_name(node.returns) if node.returns else ""
        stream = returns.startswith(_STREAMS)
        if is_generator(node) and not stream:
            yield source.problem(
                node,
                f"{cls.name}.{node.name} yields, but does not say that it streams",
                "annotate it -> AsyncIterator[str]",
            )
        elif stream and not is_generator(node):
            yield source.problem(
                node,
                f"{cls.name}.{node.name} says that it streams, but does not yield",
                "yield its chunks",
            )
        elif stream and not any(n is node for n, _ in _routes(source, cls)):
            yield source.problem(
                node,
                f"{cls.name}.{node.name} streams, but has no route: a peer cannot call it",
                "give it a route, or return a list",
            )


def names_do_not_clash(source: Source, cls: ast.ClassDef) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for node in cls.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            name = node.name
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            name = node.target.id
        else:
            continue
        if name in seen:
            yield source.problem(
                node, f"{cls.name} has two members called {name} (line {seen[name]})", "rename one"
            )
        seen[name] = node.lineno
        if name in RESERVED and not (name in LIFECYCLE and isinstance(node, ast.AsyncFunctionDef)):
            if name == "app":
                continue
            yield source.problem(
                node,
                f"{cls.name}.{name} hides what every service has under this name",
                "give it another name",
            )


def only_classes_of_peers(source: Source) -> Iterator[Problem]:
    """Of another service nothing but its class is imported, and that only as a type."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "services":
                    yield source.problem(
                        node,
                        f"import {alias.name}: a module of another service is hidden coupling",
                        "write: from services.<name> import <Class>, and declare the peer",
                    )
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            parts = (node.module or "").split(".")
            if parts[0] != "services" or (len(parts) > 1 and parts[1] == source.service):
                continue
            if len(parts) != 2 or any(a.name == "*" for a in node.names):
                yield source.problem(
                    node,
                    f"{ast.unparse(node)}: only a peer's class may be imported from a service",
                    "ask the peer for what you need through a method of its contract",
                )


def peers_are_only_types(source: Source) -> Iterator[Problem]:
    """The build drops the import of a peer's class, so no code may use the name."""
    aliases = {i.alias: i.service for i in source.imports}
    annotations: set[int] = set()
    for node in ast.walk(source.tree):
        for part in (
            getattr(node, "annotation", None),
            getattr(node, "returns", None),
        ):
            if isinstance(part, ast.AST):
                annotations.update(id(inner) for inner in ast.walk(part))
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Name) and node.id in aliases and id(node) not in annotations:
            yield source.problem(
                node,
                f"{node.id} is used as a value, but a peer's class is only a type here",
                f"declare the peer in the class ({aliases[node.id]}: {node.id}) and call it "
                f"as self.{aliases[node.id]}",
            )


CLASS_RULES: tuple[Rule, ...] = (
    public_methods_are_async,
    methods_are_annotated,
    arguments_are_plain,
    decorators_are_right,
    paths_are_well_formed,
    path_parameters_are_scalar,
    routes_do_not_collide,
    streams_have_routes,
    names_do_not_clash,
)
MODULE_RULES = (one_service_class, only_classes_of_peers, peers_are_only_types)


def check_source(source: Source) -> list[Problem]:
    """All that is wrong with a service, looked at alone."""
    found = [problem for rule in MODULE_RULES for problem in rule(source)]
    for cls in source.classes[:1]:
        found += [problem for rule in CLASS_RULES for problem in rule(source, cls)]
    return found
