"""The marks of code that is loaded when it is called, as a module imports and uses them."""

from __future__ import annotations

import ast
from typing import TypeGuard

from ...python_names import imported_from

HOME = "torpor.cold"
# Mark -> the function of ``HOME`` that a stub calls. The mark names the module: ``x__cold``.
LOADERS = {"cold": "load", "startup": "once"}


class Marks:
    """The marks in a module.

    Attributes:
        names: The names by which the module knows the marks, and the marks.
    """

    def __init__(self, tree: ast.Module, package: str) -> None:
        self._package = package
        self.names = {
            alias.asname or alias.name: alias.name
            for node in tree.body
            if self.imports(node)
            for alias in node.names
            if alias.name in LOADERS
        }

    def imports(self, node: ast.AST) -> TypeGuard[ast.ImportFrom]:
        """Return whether a statement imports from ``HOME``."""
        return isinstance(node, ast.ImportFrom) and imported_from(node, self._package) == HOME

    def of(self, node: ast.AST) -> str:
        """Return the mark of a definition, or an empty text."""
        for decorator in getattr(node, "decorator_list", ()):
            if isinstance(decorator, ast.Name) and decorator.id in self.names:
                return self.names[decorator.id]
        return ""


def import_of(marks: set[str]) -> str:
    """Return the import of the functions that load code with these marks."""
    names = ", ".join(f"{LOADERS[m]} as _{LOADERS[m]}" for m in LOADERS if m in marks)
    return f"from {HOME} import {names}"
