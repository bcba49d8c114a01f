"""Python sources and the names in them: parsed once, resolved in one way."""

from __future__ import annotations

import ast
from functools import lru_cache


@lru_cache(maxsize=2048)  # several parts of a build ask about each module
def parsed(text: str, file: str = "") -> ast.Module:
    """Return the tree of a source; every text is parsed once in a process.

    Callers share the tree, so they must not change it.

    Args:
        text: The source.
        file: The name of its file. Equal texts of two files have separate trees.

    Raises:
        SyntaxError: The text is not Python.
    """
    return ast.parse(text, file or "<unknown>")


def imported_from(node: ast.ImportFrom, package: str) -> str:
    """Return the absolute name of the module that ``from ... import`` names.

    Args:
        node: The statement.
        package: The package of the module that it is in (dotted name).
    """
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    parts = parts[: len(parts) - node.level + 1]
    return ".".join([*parts, node.module] if node.module else parts)


def is_foreign(module: str, service: str) -> bool:
    """Return whether a dotted name belongs to a service other than ``service``."""
    parts = module.split(".")
    return parts[0] == "services" and parts[1:2] != [service]
