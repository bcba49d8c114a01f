"""Takes out of a module the functions and classes that nobody calls."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import replace

from .edits import Edits
from .module import Module

_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def shake(module: Module, wanted: Iterable[str]) -> Module:
    """``module`` with those of its functions and classes that ``wanted`` or its own code need.

    Every line keeps its number.
    """
    body = ast.parse(module.source).body
    definitions = {node.name: node for node in body if isinstance(node, _Definition)}
    reached: set[str] = set()
    todo = set(wanted)
    for node in body:
        if not isinstance(node, _Definition):
            todo |= _names(node)
    while todo:
        name = todo.pop()
        if name in definitions and name not in reached:
            reached.add(name)
            todo |= _names(definitions[name])
    edits = Edits(module.source)
    for name, node in definitions.items():
        if name not in reached:
            first = node.decorator_list[0] if node.decorator_list else node
            edits.blank(edits.span(first)[0], edits.span(node)[1])
    return replace(module, source=edits.apply())


def _names(node: ast.AST) -> set[str]:
    return {name.id for name in ast.walk(node) if isinstance(name, ast.Name)}
