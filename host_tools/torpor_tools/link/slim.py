"""Takes out of packages from PyPI the functions, classes and methods that an image cannot call.

A definition stays if its name stands somewhere in the modules that use the packages, or in a
definition that stays: as a name, an attribute, an import, or a text (``getattr``). So what a
service reaches under a name that it puts together at run time is not found.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import replace

from .edits import Edits
from .module import Module

_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def slim(packages: Iterable[Module], users: Iterable[Module]) -> list[Module]:
    """``packages`` without what ``users`` cannot reach. Every line keeps its number."""
    work = _Work()
    for module in users:
        work.want(ast.parse(module.source))
    trees = [(module, ast.parse(module.source)) for module in packages]
    for _, tree in trees:
        work.block(tree.body)
    return [replace(module, source=_without(module.source, tree, work)) for module, tree in trees]


class _Work:
    def __init__(self) -> None:
        self._wanted: set[str] = set()
        self._waiting: dict[str, list[_Definition]] = {}  # name -> definitions nobody wants yet

    def stays(self, node: _Definition) -> bool:
        """Whether a definition is reached."""
        return node.name in self._wanted or _is_special(node)

    def block(self, body: Iterable[ast.stmt]) -> None:
        """Take in the statements of a module or a class; what is no definition is executed."""
        for node in body:
            if not isinstance(node, _Definition):
                self.want(node)
            elif self.stays(node):
                self._reach(node)
            else:
                self._waiting.setdefault(node.name, []).append(node)

    def want(self, node: ast.AST) -> None:
        """All that the node names is reached."""
        for name in _names(node) - self._wanted:
            self._wanted.add(name)
            for definition in self._waiting.pop(name, ()):
                self._reach(definition)

    def _reach(self, node: _Definition) -> None:
        if isinstance(node, ast.ClassDef):
            for part in (*node.bases, *node.keywords, *node.decorator_list):
                self.want(part)
            self.block(node.body)
        else:
            self.want(node)


def _without(source: str, tree: ast.Module, work: _Work) -> str:
    edits = Edits(source)

    def drop(body: list[ast.stmt], may_be_empty: bool) -> None:
        gone = [node for node in body if isinstance(node, _Definition) and not work.stays(node)]
        for node in gone:
            start, end = edits.span(node)
            if node.decorator_list:
                start = source.rindex("@", 0, edits.span(node.decorator_list[0])[0])
            if node is gone[0] and len(gone) == len(body) and not may_be_empty:
                edits.replace(start, end, "pass")
            else:
                edits.blank(start, end)
        for part in body:
            if isinstance(part, ast.ClassDef) and part not in gone:
                drop(part.body, False)

    drop(tree.body, True)
    return edits.apply()


def _is_special(node: _Definition) -> bool:
    return node.name.startswith("__")


def _names(node: ast.AST) -> set[str]:
    found = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            found.add(part.id)
        elif isinstance(part, ast.Attribute):
            found.add(part.attr)
        elif isinstance(part, ast.alias):
            found.add(part.name.rpartition(".")[2])
        elif isinstance(part, ast.Constant) and isinstance(part.value, str):
            found.add(part.value)
    return found
