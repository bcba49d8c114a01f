"""What a module imports, read from its source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from .module import Module


@dataclass(frozen=True)
class Import:
    """One imported module, by its absolute name."""

    name: str
    line: int
    required: bool = True  # False: a name that may be a module of the package or something in it
    guarded: bool = False  # under a ``try`` that catches ImportError
    lazy: bool = False  # inside a function


def imports(module: Module) -> list[Import]:
    """The imports of a module, in the order of its source.

    ``from package import name`` gives ``package``, and ``package.name`` as not required.
    """
    return list(_walk(ast.parse(module.source), module.package, False, False))


def _walk(node: ast.AST, package: str, guarded: bool, lazy: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(alias.name, child.lineno, True, guarded, lazy)
        elif isinstance(child, ast.ImportFrom):
            base = _absolute(child, package)
            yield Import(base, child.lineno, True, guarded, lazy)
            for alias in child.names:
                yield Import(f"{base}.{alias.name}", child.lineno, False, guarded, lazy)
        elif name := _called(child):
            yield Import(name, child.lineno, True, guarded, lazy)  # type: ignore[attr-defined]
        elif isinstance(child, ast.Try):
            yield from _walk(child, package, guarded or _catches_import_error(child), lazy)
        else:
            function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _walk(child, package, guarded, lazy or function)


def _called(node: ast.AST) -> str:
    """Return the module that a call such as ``__import__("name")`` imports."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "__import__" and node.args:
        name = node.args[0]
        if isinstance(name, ast.Constant) and isinstance(name.value, str):
            return name.value
    return ""


def _absolute(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    parts = parts[: len(parts) - node.level + 1]
    return ".".join([*parts, node.module] if node.module else parts)


def _catches_import_error(node: ast.Try) -> bool:
    caught = " ".join(ast.unparse(h.type) if h.type else "ImportError" for h in node.handlers)
    return any(name in caught for name in ("ImportError", "Exception"))
