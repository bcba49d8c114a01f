"""The garbage collector's policy.

MicroPython's allocator looks for space from an index on. Only an object of one block moves the
index forward, and a collection resets it to the beginning. An ``await`` needs a frame of several
blocks: each search for one begins at the index and passes all live objects and all garbage after
it. With the stock policy, which collects when the heap is full, the same ``await`` costs 0.24 or
7.5 µs on the Unix port, independent of the code. Hence the steps below. In brackets: µs for a peer
call / for a chain of five, the sample cluster on the Unix port, bursts of 50; 0.28 / 1.9 with all
steps, 4.0 / 13.5 with the stock policy.

- ``boot.py`` has the collector run each time that a quarter of the heap was allocated, until
  ``settle``. Otherwise the garbage of imports stays between the modules. (On the emulated Pico W,
  the largest free block is 78 of 98 kB instead of 36; the start takes 0.1 s of 4 s longer.)
- The kernel collects before each service is loaded, and ``settle`` once everything is loaded. This
  packs the permanent objects: a hole between them is in the index's way after each collection.
  (Without it: 0.66 / 9.9.)
- After a collection the remaining holes are filled with objects of one block, which are garbage at
  once: the index is then behind all live objects. (Without: 0.38 / 1.8.)
- ``_idle`` allocates one such object whenever nothing is runnable, and more while there are gaps
  before the place where a frame fits: the index moves past the new garbage. The address also shows,
  at no cost, how much garbage that was and whether the collector ran. (Without the gaps: 0.96 /
  2.0; without any work when idle: 3.6 / 4.5.)
- ``_idle`` collects once a quarter of the free heap is used up: nobody waits at that moment.
- ``gc.threshold`` is for work that never lets the loop become idle. It is half of the free heap: a
  lower one makes the collector run in the middle of a burst. (An eighth: 0.32 / 14.5.)

The longest pause is that of one collection, as with the stock policy: 0.2 to 0.3 ms here.

All this compares addresses, which works in a heap of one area. An ESP32's has several: see
``heap_areas``.
"""

import gc
import time

from micropython import const

from . import cold, loop
from .cold import cold as rare

_RUN = const(16)  # this many adjacent free blocks: the index is behind all live objects
_SLICE = const(256)  # objects allocated at a time to get there: less than a collection takes
_BLOCK = const(32)  # bytes of a block: 16 on the chips, 32 on 64-bit ports

collections = 0
"""The number of collections. Those that we did not start are counted when the loop is idle; freeing
much memory at once looks the same as a collection there."""

longest_us = 0
"""The longest pause of a collection. Those that we did not start do the same work."""

base = 0  # address behind the objects that were live at the last collection
quota = 0  # bytes behind it that may be used before the next one
_behind = False  # whether the index has passed all live objects

# ``heap_areas`` replaces these on a chip where addresses do not show what was used, and where gc
# counts memory that is not heap yet.
count = None
mem_free = gc.mem_free


def settle() -> None:
    """Collect, set quota and threshold by the free heap, and make the loop observe them."""
    global quota
    collect()
    free = mem_free()
    quota = free // 4
    gc.threshold(free // 2)
    for _ in range(free // (16 * _SLICE)):  # then the index has been everywhere
        if _behind:
            break
        _advance()
    loop.on_idle(_idle)


def collect() -> None:
    """Release cold code, collect now, and note how long it takes."""
    global collections, longest_us
    cold.clear()
    began = time.ticks_us()
    gc.collect()
    longest_us = max(longest_us, time.ticks_diff(time.ticks_us(), began))
    collections += 1
    _advance()


@rare
def largest() -> int:
    """Return the bytes of the largest free block, to a sixteenth of the free heap."""
    from io import BytesIO

    from . import port

    high = port.mem_free()
    total = gc.mem_alloc() + high
    step = high >> 4
    low = 0
    gc.disable()  # a block that cannot be allocated is not a reason to collect
    while high - low > step:
        middle = (low + high) // 2
        try:
            BytesIO(middle).close()  # which frees the block
        except MemoryError:
            high = middle
            continue
        if count and gc.mem_alloc() + port.mem_free() >= total + middle:
            # The heap has grown for it, by memory that Wi-Fi needs: a collection returns that.
            collect()
            high = middle
        else:
            low = middle
    gc.enable()
    return low


def _idle(ms: int) -> int:
    global collections
    try:
        at = id(object())
        size = at - base
        if not _behind:
            _advance()
        elif 0 <= size <= quota:
            # Gaps in the garbage that no frame fits into: fill them, up to where one is found.
            frame = id((None,) * 16)  # as large as the frame of a small method
            for _ in range(_SLICE):
                if at > frame:
                    break
                at = id(object())
        else:
            if count:
                size = count(at)
            if size > quota:
                collect()
                return 0
            if size < 0:
                collections += 1
                _advance()
    except MemoryError:
        pass  # the next allocation will fail too; the loop must continue
    return ms


def _advance() -> None:
    """Advance the index; ``_behind`` records whether it has passed all live objects."""
    global base, _behind
    last = id(object())
    run = 0
    for _ in range(_SLICE):
        at = id(object())
        run = run + 1 if 0 < at - last <= _BLOCK else 0
        last = at
        if run == _RUN:
            break
    base = last
    _behind = run == _RUN
