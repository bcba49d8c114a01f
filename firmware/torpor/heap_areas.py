"""The heap policy for a heap of several areas: an ESP32's, which adds an area when it is full.

The allocator searches the areas in the order in which they were added, and their addresses have no
order: a step of the index into another area looks like a jump forwards, or like a collection.
``heap`` calls this module when an address is not in the range that a heap of one area would give.
The number of free bytes decides then; counting takes about as long as the mark phase of a
collection.

An added area stays as long as it holds a live object, so the number of free bytes changes. The
quota and the threshold are adjusted after each collection.
"""

import gc

from micropython import const

from . import heap
from .port import mem_free

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .kernel import Kernel


# At least this much may be used between two collections, even if less is free: the heap may then
# grow, once, by the area that MicroPython leaves room for. Otherwise the collector would run at
# every idle point while the first area is nearly full.
_LEAST = const(4096)

_collect = heap.collect
_before = 0  # bytes that were free after the last collection
_seen = 0  # bytes that were free when they were last counted


def start(kernel: "Kernel") -> None:
    """Let ``heap`` call the functions of this module."""
    heap.collect = collect  # type: ignore[assignment]  # for all who call heap.collect()
    heap.count = count  # type: ignore[assignment]
    heap.mem_free = mem_free


def collect() -> None:
    """Collect, then set quota and threshold by the number of free bytes."""
    _collect()
    _fit()


def count(at: int) -> int:
    """Return the bytes used since the last collection, with the index at ``at``; -1: another ran.

    If the index is in another area, ``heap`` continues to count from there.
    """
    global _seen
    free = mem_free()
    used = judge(at, heap.base, _before, _seen, free, gc.mem_alloc() + free)
    if used < 0:
        _fit()
    else:
        _seen = free
        heap.base = at - used
    return used


def judge(at: int, base: int, before: int, seen: int, free: int, total: int) -> int:
    """Return the result of ``count``, from addresses and numbers of bytes alone.

    Args:
        at: The address of the index.
        base: Its address when it was behind all live objects.
        before: The bytes that were free after the last collection.
        seen: The bytes that were free when they were last counted.
        free: The bytes that are free now.
        total: The size of all areas.
    """
    # Without a collection, the number of free bytes only falls. The index goes back only for a
    # collection, or into an area at lower addresses, which is usually farther away than ``total``.
    if free > seen or 0 < base - at <= total:
        return -1
    return before - free


def _fit() -> None:
    global _before, _seen
    _before = _seen = mem_free()
    if heap.quota:  # the kernel has settled
        heap.quota = max(_before // 4, _LEAST)
        gc.threshold(max(_before // 2, 2 * _LEAST))
