"""The classes that make up a service class: itself, its base classes and mixins.

MicroPython looks a name up in a class, then in its bases from left to right, each with all of its
own bases. This module does the same. A base class may be in any module of the service.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .source_module import Module

SERVICE = "torpor.Service"
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, eq=False)
class Class:
    """A class and the module that defines it."""

    module: Module
    node: ast.ClassDef


def top_classes(module: Module) -> dict[str, ast.ClassDef]:
    """The classes that a module always has, by their names."""
    return {node.name: node for node in module.tree.body if isinstance(node, ast.ClassDef)}


def find(modules: Sequence[Module], module: Module, name: str, depth: int = 0) -> Class | None:
    """The class of the service that ``name`` stands for in ``module``, through its imports."""
    if depth > len(modules):
        return None
    if name in (classes := top_classes(module)):
        return Class(module, classes[name])
    by_name = {other.name: other for other in modules}
    home, _, inside = module.names.get(name, "").rpartition(".")
    if home in by_name:
        return find(modules, by_name[home], inside, depth + 1)
    for node in module.tree.body:  # from .common import *
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
            other = by_name.get(module.imported_from(node))
            found = find(modules, other, name, depth + 1) if other else None
            if found:
                return found
    return None


def base_of(modules: Sequence[Module], cls: Class, base: ast.expr) -> Class | None:
    """The class of the service that a base names, or None if it is not a class of the service."""
    if isinstance(base, ast.Name):
        return find(modules, cls.module, base.id)
    home, _, name = cls.module.origin(base).rpartition(".")
    by_name = {other.name: other for other in modules}
    return find(modules, by_name[home], name) if home in by_name else None


def lineage(modules: Sequence[Module], cls: Class) -> list[Class]:
    """``cls`` and its bases, in the order in which MicroPython looks names up."""
    found: list[Class] = []

    def follow(each: Class) -> None:
        if not any(each.node is other.node for other in found):
            found.append(each)
            for base in each.node.bases:
                if inner := base_of(modules, each, base):
                    follow(inner)

    follow(cls)
    return found


def is_service(modules: Sequence[Module], cls: Class) -> bool:
    """Return whether a class derives from torpor's ``Service``, directly or not."""
    return any(
        each.module.origin(base) == SERVICE
        for each in lineage(modules, cls)
        for base in each.node.bases
    )


def services_of(modules: Sequence[Module], module: Module) -> list[Class]:
    """The service classes of a module that no other class of it derives from."""
    classes = [Class(module, n) for n in module.tree.body if isinstance(n, ast.ClassDef)]
    services = [cls for cls in classes if is_service(modules, cls)]
    bases = [
        base.node for cls in services for base in lineage(modules, cls) if base.node is not cls.node
    ]
    return [cls for cls in services if not any(cls.node is base for base in bases)]


def merged(classes: Sequence[Class]) -> ast.ClassDef:
    """A class with the members of all classes; each name comes from the first that has it."""
    first = classes[0].node
    if len(classes) == 1:
        return first
    body: list[ast.stmt] = []
    taken: set[str] = set()
    for cls in classes:
        body += [node for node in cls.node.body if not taken.intersection(defined(node))]
        taken.update(name for node in cls.node.body for name in defined(node))
    return ast.copy_location(ast.ClassDef(first.name, first.bases, [], body, []), first)


def defined(node: ast.stmt) -> Iterator[str]:
    """The names that a statement of a class body defines or declares."""
    if isinstance(node, Function | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Assign):
        yield from (target.id for target in node.targets if isinstance(target, ast.Name))
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        yield node.target.id
