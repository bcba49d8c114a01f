"""Keep MicroPython's table of names from growing while the board works.

MicroPython never frees the name of a variable, method or module. The tables of names form a
chain: when the last one is full, MicroPython allocates one that is twice as large, in one piece
(``qstr_add`` in ``py/qstr.c``). The seventh, for the 1,261st name, takes 8 kB of a chip's heap.
Later than at the start no such piece may be free, and whatever makes a name then fails.

Nearly all names come out of the bytecode, so they can be counted here. If code that is loaded when
it is called would fill the tables, the kernel fills them at the start, while the heap is empty.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..bytecode import names_of
from .compile import compile_all
from .program import Program
from .runtime import SPARE_NAMES

# Names in the first table, behind that of the firmware's frozen modules: twice
# MICROPY_ALLOC_QSTR_ENTRIES_INIT (py/mpconfig.h).
FIRST = 20

_MODULE = "torpor.kernel__startup"
_SMALL = 1000  # tables that hold no more than these grow by pieces that are easily found
_KNOWN = 60  # of the image's names, which a firmware may have in its ROM
_MADE = 30  # names that a program may make while it runs, such as attributes set by name


def run(program: Program) -> None:
    """Have the kernel make as many names at the start as keep the tables from growing later."""
    kernel = program.modules.get(_MODULE)
    if kernel is None or program.problems or program.frozen:  # a firmware has its names in ROM
        return
    wanted = spare(*_counts(program))
    none = f"\n{SPARE_NAMES} = const(0)"
    source = kernel.source.replace(none, none.replace("0", str(wanted)))
    if source != kernel.source:
        program.modules[_MODULE] = replace(kernel, source=source)
        compiled, _ = compile_all([program.modules[_MODULE]], program.cache)
        program.compiled |= compiled


def spare(ready: int, later: int) -> int:
    """Return how many names to make at the start.

    Args:
        ready: The different names of the code that is loaded until the board is ready.
        later: The same with the code that is loaded afterwards.
    """
    least = ready - _KNOWN
    full = next(room for room in capacities() if room >= max(least, _SMALL))
    return full + 1 - least if full < later + _MADE else 0


def capacities() -> Iterable[int]:
    """Yield how many names the tables hold before each doubling."""
    size = room = FIRST
    while True:
        yield room
        size *= 2
        room += size


def _counts(program: Program) -> tuple[int, int]:
    """Return the names of the image once it is ready, and with what is loaded when it is called.

    What only services that start on request use counts for neither: it comes and fails with them.
    """
    ready: set[str] = set()
    later: set[str] = set()
    for name, module in program.modules.items():
        if name in program.on_request:
            continue
        names = names_of(program.compiled.get(module.compiled_path, b""))
        if module.is_cold:
            later |= names
        else:
            ready |= names
    return len(ready), len(ready | later)
