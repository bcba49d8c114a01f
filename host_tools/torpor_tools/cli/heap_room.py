"""Estimates how much heap an image leaves on its board, and refuses one that leaves too little.

The heap of each part is measured in this computer's 64-bit MicroPython. The figures that convert
this to a chip are a fit to four images with the official firmware on the emulated Pico W. For these
four, the estimate is 2 % too low to 4 % too high; no other image was compared (docs/robustness.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torpor_sim import Weights

from ..errors import Problem
from ..link.names import capacities
from ..model.image import Image, SizeRow
from .size_table import heap_of

_CHIP = 0.68  # of a part's heap in 64-bit MicroPython: pointers are half as long, bytecode is not
_BASE = 5_500  # asyncio, the Wi-Fi, tasks and buffers that belong to no module
_RUNTIME = "MicroPython, Wi-Fi and tasks"
_KNOWN = 25  # new names in the simulator that a chip's firmware already has; a fit
_NAME = 6.25  # bytes of a table for each name that fits


@dataclass(frozen=True)
class Room:
    """Estimated bytes of a board's heap once it is ready, with all services running."""

    parts: tuple[tuple[str, int], ...]  # the parts that use it, the largest first
    total: int

    @property
    def free(self) -> int:
        """The bytes that are left; negative if the image does not fit."""
        return self.total - sum(size for _, size in self.parts)

    @property
    def percent(self) -> float:
        """The share of the heap that is left, in percent."""
        return 100 * self.free / self.total

    def __str__(self) -> str:
        return f"about {max(0, self.free):,} of {self.total:,} bytes of heap ({self.percent:.0f} %)"


def room_of(image: Image, weights: Weights) -> Room:
    """Estimate the room on the board of an image.

    Services that start on request count as running, because clients may need all of them at once.
    """
    board = image.board.board
    scale = 1.0 if board.port == "unix" else _CHIP
    sizes: dict[str, float] = {}
    for row in image.sizes.rows:
        heap = heap_of(row, weights.parts) + heap_of(row, weights.on_request)
        name = _group(row)
        sizes[name] = sizes.get(name, 0) + scale * heap
    sizes["names of variables and methods"] = table_of_names(weights.names)
    sizes[_RUNTIME] = _BASE
    if board.port == "unix":  # measured on the same port
        del sizes[_RUNTIME]
    ordered = sorted(sizes.items(), key=lambda item: -item[1])
    return Room(tuple((name, round(size)) for name, size in ordered if size), board.heap_bytes)


def table_of_names(count: int) -> float:
    """The bytes of the tables that so many names need on a 32-bit chip."""
    return _NAME * next(room for room in capacities() if room >= count - _KNOWN)


def low_heap(image: Image, room: Room) -> Problem | None:
    """Return the problem of an image that leaves less than its board's ``heap_reserve``."""
    board = image.board
    if room.percent >= board.heap_reserve:
        return None
    what = f"{board.name} would have {room} left, less than its heap_reserve of "
    lines = [f"{what}{board.heap_reserve} %. What takes it:", *_table(room.parts)]
    remedy = (
        "move a service to another board, start it on request, or set heap_reserve; "
        "--allow-low-heap accepts it"
    )
    return Problem(board.heap_where, "\n".join(lines), remedy)


def _table(parts: Sequence[tuple[str, int]]) -> list[str]:
    return [f"    {size:>9,}  {name}" for name, size in parts]


def _group(row: SizeRow) -> str:
    return row.name if row.kind in ("service", "library") else f"{row.kind} modules"
