"""Flags of the runtime: code that only some images have, in the middle of code that all have.

A module writes ``_MEASURED = const(0)`` and ``if _MEASURED:``. The linker writes 1 for a board that
needs the code. mpy-cross drops what stands below a constant that is 0, so it costs nothing there.
"""

from __future__ import annotations

from dataclasses import replace

from ..model.plan import BoardPlan
from .module import Module
from .runtime import FLAGS


def switched(module: Module, board: BoardPlan) -> Module:
    """Return a module of the runtime with the flags that the board needs."""
    source = module.source
    for name, needed in FLAGS.items():
        if needed(board):
            source = source.replace(f"\n{name} = const(0)", f"\n{name} = const(1)")
    return module if source == module.source else replace(module, source=source)
