"""A parsed module of a service."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..errors import Problem, Where
from ..model.types import Type
from ..python_names import imported_from


@dataclass(frozen=True)
class Module:
    """A parsed module. ``names`` maps each imported name to its dotted origin."""

    name: str  # dotted, as the device imports it
    file: str  # relative to the project, for messages
    is_package: bool
    tree: ast.Module
    names: dict[str, str] = field(default_factory=dict)
    digest: str = ""  # of the text
    # Each type alias with the type that it stands for and the module that defines it.
    aliases: dict[str, tuple[ast.expr, Module]] = field(default_factory=dict)
    # Each record with its class and the module that defines it.
    records: dict[str, tuple[ast.ClassDef, Module]] = field(default_factory=dict)
    # Each event with its class and the module that defines it.
    events: dict[str, tuple[ast.ClassDef, Module]] = field(default_factory=dict)
    types: Mapping[str, Type] = field(default_factory=dict)  # names that are known already

    def where(self, node: ast.AST) -> Where:
        return Where(self.file, getattr(node, "lineno", 0))

    def problem(self, node: ast.AST, what: str, remedy: str = "") -> Problem:
        return Problem(self.where(node), what, remedy)

    def imported_from(self, node: ast.ImportFrom) -> str:
        """The absolute name of the module that ``from ... import`` names."""
        package = self.name if self.is_package else self.name.rpartition(".")[0]
        return imported_from(node, package)

    def origin(self, node: ast.AST | None) -> str:
        """The full name behind a name: ``Any`` is ``typing.Any``. Empty if it is not a name."""
        if isinstance(node, ast.Name):
            return self.names.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            owner = self.origin(node.value)
            return f"{owner}.{node.attr}" if owner else ""
        return ""
