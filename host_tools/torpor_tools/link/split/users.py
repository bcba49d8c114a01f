"""Functions that other modules import only when they call them: these need no stub."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache

from ...python_names import imported_from, parsed
from ..edits import Edits
from ..module import Module
from ..scope import Function


class Users:
    """The names of modules that others use in any way but an import in a function.

    This is a search for words: a name counts as used if another module imports it at its top, or
    has it as an attribute or as a string.

    Args:
        modules: All modules of an image.
    """

    def __init__(self, modules: Iterable[Module]) -> None:
        self._imported: dict[str, set[str]] = defaultdict(set)  # by the module it comes from
        self._words: dict[str, set[str]] = defaultdict(set)  # a word -> the modules that have it
        for module in modules:
            imported, words = _used(module.source, module.package)
            for name, of in imported:
                self._imported[of].add(name)
            for word in words:
                self._words[word].add(module.name)

    def needed(self, module: Module) -> frozenset[str] | None:
        """Return the names of a module that others may use; None: any, as it is not the runtime's.

        Only those of functions and classes at its top are looked for.
        """
        if module.part != "runtime":
            return None
        imported = self._imported.get(module.name, ())
        return frozenset(
            name
            for name in _defined(module.source)
            if name in imported or self._words.get(name, set()) - {module.name}
        )


@lru_cache(maxsize=1024)
def _used(source: str, package: str) -> tuple[frozenset[tuple[str, str]], frozenset[str]]:
    """Return what a module imports at its top (name, module), and its attributes and strings."""
    imported, words = set(), set()
    for node, in_function in _walk(parsed(source)):
        if isinstance(node, ast.ImportFrom) and not in_function:
            base = imported_from(node, package)
            imported |= {(alias.name, base) for alias in node.names}
        elif isinstance(node, ast.Attribute):
            words.add(node.attr)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            words.add(node.value)
    return frozenset(imported), frozenset(words)


@lru_cache(maxsize=1024)
def _defined(source: str) -> tuple[str, ...]:
    kinds = (*Function, ast.ClassDef)
    return tuple(node.name for node in parsed(source).body if isinstance(node, kinds))


def redirected(module: Module, moved: Mapping[str, frozenset[str]], suffix: str) -> Module:
    """Return a module whose imports name the parts into which functions have moved.

    Args:
        module: The module.
        moved: The names that have moved, by the module that they come from.
        suffix: The end of a part's name, behind the name of its module.
    """
    names = {name for each in moved.values() for name in each}
    if not any(name in module.source for name in names):
        return module
    edits = Edits(module.source)
    for node in _imports_in(module.source):
        base = imported_from(node, module.package)
        there = [a for a in node.names if a.name in moved.get(base, ())]
        if there:
            here = [alias for alias in node.names if alias not in there]
            edits.replace(*edits.span(node), _imports(base, here, base + suffix, there))
    return replace(module, source=edits.apply())


@lru_cache(maxsize=1024)
def _imports_in(source: str) -> tuple[ast.ImportFrom, ...]:
    return tuple(n for n in ast.walk(parsed(source)) if isinstance(n, ast.ImportFrom))


def _imports(base: str, here: list[ast.alias], part: str, there: list[ast.alias]) -> str:
    pairs = [(base, here), (part, there)]
    texts = [f"from {m} import {', '.join(map(ast.unparse, names))}" for m, names in pairs if names]
    return "; ".join(texts)


def _walk(node: ast.AST, in_function: bool = False) -> Iterator[tuple[ast.AST, bool]]:
    """Yield the nodes of a tree, and whether each is inside a function."""
    for child in ast.iter_child_nodes(node):
        yield child, in_function
        yield from _walk(child, in_function or isinstance(child, Function))
