"""Rules for what a service imports from other services."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ...errors import Problem
from ...python_names import is_foreign
from ..source import Module, Source

_REMEDY = "ask the peer through a method of its contract, or move what both need into lib/"


def only_classes_of_peers(source: Source) -> Iterator[Problem]:
    """Only the class of another service is imported, from the package of that service."""
    for module in source.modules:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Import):
                yield from _imports(source, module, node)
            elif isinstance(node, ast.ImportFrom):
                yield from _import_from(source, module, node)


def _imports(source: Source, module: Module, node: ast.Import) -> Iterator[Problem]:
    for alias in node.names:
        if is_foreign(alias.name, source.service):
            what = f"import {alias.name}: a module of another service is hidden coupling"
            yield module.problem(node, what, "write: from services.<name> import <Class>")


def _import_from(source: Source, module: Module, node: ast.ImportFrom) -> Iterator[Problem]:
    origin = module.imported_from(node)
    names = [alias.name for alias in node.names]
    if origin == "services" and names == [source.service]:
        return
    if is_foreign(origin, source.service):
        if origin.count(".") != 1:
            what = f"{ast.unparse(node)}: only a peer's class may be imported from a service"
            yield module.problem(node, what, _REMEDY)
        elif "*" in names:
            what = f"{ast.unparse(node)} takes more than the class of a peer"
            yield module.problem(node, what, f"write: from {origin} import <Class>")
        elif node.level:
            what = f"{ast.unparse(node)}: a peer is imported by its full name"
            yield module.problem(node, what, f"write: from {origin} import {', '.join(names)}")
