"""Reads the imports of a module from its source."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from ..python_names import imported_from, parsed
from .module import Module


@dataclass(frozen=True)
class Import:
    """One imported module, by its absolute name."""

    name: str
    line: int
    required: bool = True  # False: a name that may be a module of the package or something in it
    guarded: bool = False  # under a ``try`` that catches ImportError
    lazy: bool = False  # inside a function


def imports(module: Module) -> tuple[Import, ...]:
    """The imports of a module, in the order of its source.

    ``from package import name`` gives ``package``, and ``package.name`` as not required.
    """
    return _imports(module.source, module.package)


def reached(every: Mapping[str, Module], roots: Iterable[Module]) -> set[str]:
    """Return the names of all modules that ``roots`` import, directly or not."""
    names: set[str] = set()
    todo = list(roots)
    while todo:
        for item in imports(todo.pop()):
            parts = item.name.split(".")
            for name in (".".join(parts[: n + 1]) for n in range(len(parts))):
                if name in every and name not in names:
                    names.add(name)
                    todo.append(every[name])
    return names


@lru_cache(maxsize=1024)  # a build asks about each module several times
def _imports(source: str, package: str) -> tuple[Import, ...]:
    # Without the word, no expression imports anything, and most of a tree is expressions.
    skipped = () if "__import__" in source else (ast.expr,)
    return tuple(_walk(parsed(source), package, False, False, skipped))


def _walk(
    node: ast.AST, package: str, guarded: bool, lazy: bool, skipped: tuple[type, ...]
) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, skipped):
            continue
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(alias.name, child.lineno, True, guarded, lazy)
        elif isinstance(child, ast.ImportFrom):
            base = imported_from(child, package)
            yield Import(base, child.lineno, True, guarded, lazy)
            for alias in child.names:
                yield Import(f"{base}.{alias.name}", child.lineno, False, guarded, lazy)
        elif name := _called(child):
            yield Import(name, child.lineno, True, guarded, lazy)  # type: ignore[attr-defined]
        elif isinstance(child, ast.Try):
            caught = guarded or _catches_import_error(child)
            yield from _walk(child, package, caught, lazy, skipped)
        else:
            function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _walk(child, package, guarded, lazy or function, skipped)


def _called(node: ast.AST) -> str:
    """Return the module that a call such as ``__import__("name")`` imports."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
        name = node.args[0]
        if node.func.id == "__import__" and isinstance(name, ast.Constant):
            return name.value if isinstance(name.value, str) else ""
    return ""


def _catches_import_error(node: ast.Try) -> bool:
    caught = " ".join(ast.unparse(h.type) if h.type else "ImportError" for h in node.handlers)
    return any(name in caught for name in ("ImportError", "Exception"))
