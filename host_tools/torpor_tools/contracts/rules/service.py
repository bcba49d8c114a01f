"""Rules for the service class as a whole."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from ...errors import Problem
from ...python_names import is_foreign
from ..lineage import SERVICE, Class, is_service, services_of
from ..read import Function, assigned, parameters, peers
from ..shapes import unquoted
from ..source import Module, Source

# Attributes of every service, now or later: no method and no peer may have these names.
RESERVED = (
    "app",
    "awake",
    "config",
    "log",
    "name",
    "output",
    "publish",
    "spawn",
    "start",
    "state",
    "store",
)


def one_service_class(source: Source) -> Iterator[Problem]:
    """The package of a service holds exactly one class that derives from ``Service``."""
    conditional = [node for node in _inner_classes(source) if node.name not in _names(source)]
    for node in conditional:
        what = f"the service class {node.name} is defined only under a condition"
        remedy = "define it at the top level: the build reads it without running anything"
        yield source.problem(node, what, remedy)
    if not source.classes and not conditional:
        yield _no_class(source)
    for cls in source.classes[1:]:
        yield source.problem(
            cls,
            f"{source.service} has a second service class, {cls.name}",
            "one service per folder: move it to a folder of its own below services/",
        )


def _inner_classes(source: Source) -> Iterator[ast.ClassDef]:
    """The service classes inside a function, a condition or another class."""
    for node in ast.walk(source.main.tree):
        if not isinstance(node, ast.ClassDef) or node in source.main.tree.body:
            continue
        if is_service(source.modules, Class(source.main, node)):
            yield node


def _names(source: Source) -> list[str]:
    return [cls.name for cls in source.classes]


def _no_class(source: Source) -> Problem:
    for module in source.modules[1:]:
        for cls in services_of(source.modules, module):
            file = f"services/{source.service}/__init__.py"
            what = f"the service class {cls.node.name} is not in {file}"
            return module.problem(
                cls.node, what, "move it there: the build reads contracts from it"
            )
    for node in source.main.tree.body:
        if not isinstance(node, ast.ClassDef):
            continue
        for base in node.bases:
            if _stands_for_service(source.modules, base):
                what = f"{node.name} derives from {ast.unparse(base)}, another name for Service"
                remedy = f"write `class {node.name}(Service):`; the build does not run assignments"
                return source.problem(node, what, remedy)
    return source.problem(
        source.main.tree,
        f"{source.service} has no service class",
        "write `class Name(Service):` with `from torpor import Service`",
    )


def _stands_for_service(modules: Sequence[Module], base: ast.expr) -> bool:
    """Return whether an expression is ``Service``, or a variable that is assigned from it."""
    names = {ast.unparse(base).rpartition(".")[2]}
    if not isinstance(base, ast.Name | ast.Attribute):
        names = {node.id for node in ast.walk(base) if isinstance(node, ast.Name)}
    for module in modules:
        if _mentions_service(module, base):
            return True
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr) and node.value:
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                stored = {n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)}
                if stored & names and _mentions_service(module, node.value):
                    return True
    return False


def _mentions_service(module: Module, expression: ast.expr) -> bool:
    return any(module.origin(node) == SERVICE for node in ast.walk(expression))


def names_do_not_clash(source: Source, cls: ast.ClassDef) -> Iterator[Problem]:
    """Methods and peers have unique names, different from those that every service has."""
    seen: dict[str, int] = {}
    for node, name in _members(source, cls):
        if name in seen:
            what = f"{cls.name} has two members called {name} (the other: line {seen[name]})"
            yield source.problem(node, what, "give one of them another name")
        seen.setdefault(name, node.lineno)
        hook = name == "start" and isinstance(node, ast.AsyncFunctionDef)
        if name in RESERVED and not hook:
            what = f"{cls.name}.{name} hides what every service has under this name"
            yield source.problem(node, what, "give it another name")


def _members(source: Source, cls: ast.ClassDef) -> Iterator[tuple[ast.stmt, str]]:
    """Methods, peers, and the class attributes that are in the way of one or of torpor."""
    declared = {id(node): peer.attribute for node, peer in peers(source, cls)}
    taken = {n.name for n in cls.body if isinstance(n, Function)} | set(declared.values())
    taken |= set(RESERVED) - {"app"}  # app = Microdot() is the purpose of this name
    for node in cls.body:
        if isinstance(node, Function):
            # @x.setter and the like repeat the name on purpose.
            if not any(isinstance(d, ast.Attribute) for d in node.decorator_list):
                yield node, node.name
        elif id(node) in declared:
            yield node, declared[id(node)]
        else:
            yield from ((node, name) for name in assigned(node) if name in taken)


def peers_are_bare(source: Source, cls: ast.ClassDef) -> Iterator[Problem]:
    """A peer is ``name: Class``: the build sets it, and it is always there."""
    declared = {id(node): peer for node, peer in peers(source, cls)}
    for node in cls.body:
        if not isinstance(node, ast.AnnAssign):
            continue
        peer = declared.get(id(node))
        text = ast.unparse(node.target)
        if peer and node.value:
            what = f"the peer {text} has a value, but the build sets it"
            yield source.problem(node, what, f"write only {text}: {peer.class_name}")
        elif not peer:
            for name in _foreign_names(source, node.annotation):
                what = f"{ast.unparse(node)}: a peer is never None and never a list"
                yield source.problem(node, what, f"write {text}: {name}")


def _foreign_names(source: Source, annotation: ast.expr) -> list[str]:
    nodes = [n for n in ast.walk(unquoted(annotation)) if isinstance(n, ast.Name)]
    module = source.owner(annotation)
    return [n.id for n in nodes if is_foreign(module.origin(n), source.service)][:1]


def hooks_have_their_signature(source: Source, cls: ast.ClassDef) -> Iterator[Problem]:
    """The runtime calls ``Name(name, config)`` and ``await start()``."""
    wanted = {"__init__": (2, "(self, name, config)"), "start": (0, "(self)")}
    for node in cls.body:
        if not isinstance(node, Function) or node.name not in wanted:
            continue
        count, signature = wanted[node.name]
        given = parameters(node)
        required = [arg for arg, default in given if default is None]
        if not len(required) <= count <= len(given) and not node.args.vararg:
            what = f"{cls.name}.{node.name} is called by the runtime as {node.name}{signature}"
            yield source.problem(node, what, "take just these arguments; read self.config in start")
