"""Flags of the runtime: code that only some images have, in the middle of code that all have.

A module writes ``_MEASURED = const(0)`` and ``if _MEASURED:``. For a board that needs the code the
linker writes 1. For other boards it removes the code below the ``if``. Then nothing imports or
names what only this code uses, and other passes leave that out of the image. mpy-cross drops the
``if`` itself.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import replace

from ..model.plan import BoardPlan
from ..python_names import parsed
from .edits import Edits
from .module import Module
from .runtime import FLAGS


def switched(module: Module, board: BoardPlan) -> Module:
    """Return a module of the runtime with the flags that the board needs."""
    source = module.source
    flags = [name for name in FLAGS if f"\n{name} = const(0)" in source]
    if not flags:
        return module
    for name in flags:
        if FLAGS[name](board):
            source = source.replace(f"\n{name} = const(0)", f"\n{name} = const(1)")
    return replace(module, source=_without(source, [n for n in flags if not FLAGS[n](board)]))


def _without(source: str, flags: list[str]) -> str:
    """Remove the statements below each ``if`` with one of the flags; lines keep their numbers."""
    edits = Edits(source)
    for node in _needing(parsed(source), flags):
        first, *others = node.body
        edits.replace(*edits.span(first), "pass")
        for statement in others:
            edits.remove(statement)
    return edits.apply()


def _needing(node: ast.AST, flags: list[str]) -> Iterator[ast.If]:
    """Yield the outermost statements ``if FLAG:`` and ``if FLAG and ...:``."""
    inside: Iterable[ast.AST] = ast.iter_child_nodes(node)
    if isinstance(node, ast.If):
        test = node.test
        if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
            test = test.values[0]
        if isinstance(test, ast.Name) and test.id in flags:
            yield node
            inside = node.orelse
    for each in inside:
        yield from _needing(each, flags)
