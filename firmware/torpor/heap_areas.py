"""The heap policy on a heap of several areas: an ESP32's, which grows by one when it is full.

The allocator goes through the areas in the order in which they were added, and their addresses have
no order: a step of the index into another area looks like a leap forwards, or like a collection.
``heap`` calls this module when an address is not where it would be in a heap of one area. The
number of free bytes decides then; counting takes about as long as the mark phase of a collection.

An area that was grown stays as long as something lives in it, so what is free changes. The quota
and the threshold follow it after each collection.
"""

import gc

from micropython import const

from . import heap
from .port import mem_free

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .kernel import Kernel


# What may be used between two collections at least, although less is free: the heap may grow then,
# once, by the area that MicroPython leaves room for. Otherwise the last bytes of the first area
# would be collected at every idle point.
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
    """Collect, and fit quota and threshold to what is free then."""
    _collect()
    _fit()


def count(at: int) -> int:
    """Return the bytes used since the last collection, by the index at ``at``; -1: another one ran.

    If the index is in another area, ``heap`` counts on from there.
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
        at: where the index is.
        base: where it was behind all that lives.
        before: what was free after the last collection.
        seen: what was free when it was last counted.
        free: what is free now.
        total: the size of all areas.
    """
    # Without a collection, less and less is free. The index goes back for one only, or into an
    # area that lies lower; between areas there is usually more than they are large.
    if free > seen or 0 < base - at <= total:
        return -1
    return before - free


def _fit() -> None:
    global _before, _seen
    _before = _seen = mem_free()
    if heap.quota:  # the kernel has settled
        heap.quota = max(_before // 4, _LEAST)
        gc.threshold(max(_before // 2, 2 * _LEAST))
