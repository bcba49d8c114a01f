"""A service's source: parsed once, and what of torpor and of other services it imports."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import Problem, UserError, Where

VERBS = ("get", "post", "put", "delete")


@dataclass
class Import:
    """``from services.<service> import <name>``, bound to ``alias`` in the module."""

    service: str
    name: str
    alias: str
    where: Where


@dataclass
class Source:
    """``services/<name>/__init__.py`` with the tables that reader and rules look things up in."""

    service: str
    file: str  # relative to the project, for messages
    tree: ast.Module
    torpor: dict[str, str] = field(default_factory=dict)  # local name -> name in torpor
    imports: list[Import] = field(default_factory=list)
    classes: list[ast.ClassDef] = field(default_factory=list)  # those that derive from Service

    def where(self, node: ast.AST) -> Where:
        return Where(self.file, getattr(node, "lineno", 0))

    def problem(self, node: ast.AST, what: str, remedy: str = "") -> Problem:
        return Problem(self.where(node), what, remedy)


def read_source(root: Path, service: str) -> Source:
    """Parse a service's ``__init__.py``. Raises ``UserError`` if it is missing or not Python."""
    file = f"services/{service}/__init__.py"
    path = root / file
    if not path.is_file():
        raise UserError(
            Problem(
                None,
                f"the service {service} has no {file}",
                f"create it with: torpor new service {service}",
            )
        )
    tree = _parse(path, file)
    source = Source(service, file, tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            _import(source, node)
    source.classes = [
        node
        for node in tree.body
        if isinstance(node, ast.ClassDef) and any(_is_service(source, b) for b in node.bases)
    ]
    return source


def _parse(path: Path, file: str) -> ast.Module:
    try:
        return ast.parse(path.read_text(encoding="utf-8"), file)
    except SyntaxError as error:
        where = Where(file, error.lineno or 0, error.offset or 0)
        raise UserError(Problem(where, f"syntax error: {error.msg}")) from None
    except (UnicodeDecodeError, ValueError) as error:
        raise UserError(Problem(Where(file), f"not Python source: {error}")) from None


def _import(source: Source, node: ast.ImportFrom) -> None:
    module = node.module or ""
    if module == "torpor":
        for alias in node.names:
            source.torpor[alias.asname or alias.name] = alias.name
    elif module.startswith("services."):
        service = module.split(".")[1]
        if service != source.service and module.count(".") == 1:
            for alias in node.names:
                source.imports.append(
                    Import(service, alias.name, alias.asname or alias.name, source.where(alias))
                )


def _is_service(source: Source, base: ast.expr) -> bool:
    if isinstance(base, ast.Name):
        return source.torpor.get(base.id) == "Service"
    return isinstance(base, ast.Attribute) and ast.unparse(base) == "torpor.Service"


def decorator(source: Source, node: ast.expr) -> tuple[str, ast.Call | None] | None:
    """The torpor name of a decorator and its call (None: written without parentheses)."""
    call = node if isinstance(node, ast.Call) else None
    target = call.func if call else node
    if isinstance(target, ast.Name) and target.id in source.torpor:
        return source.torpor[target.id], call
    if isinstance(target, ast.Attribute) and ast.unparse(target.value) == "torpor":
        return target.attr, call
    return None
