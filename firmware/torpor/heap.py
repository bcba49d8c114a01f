"""The garbage collector's policy.

MicroPython's allocator looks for space from an index on. Only an object of one block moves the
index forward, and a collection puts it back to the beginning. An ``await`` needs a frame of several
blocks: the search for it begins at the index, again and again, past all that lives and all garbage
since. With the stock policy, which collects when the heap is full, the same ``await`` costs 0.24 or
7.5 µs on the Unix port, independent of the code. Hence the steps below. In brackets: µs for a peer
call / for a chain of five, the sample cluster on the Unix port, bursts of 50; 0.28 / 1.9 with all
steps, 4.0 / 13.5 with the stock policy.

- The kernel collects before each service is loaded, ``settle`` once all is there: what lives for
  ever is packed, since each hole in it is in the index's way after each collection. (Without it:
  0.66 / 9.9.)
- After a collection the holes that are left are filled with objects of one block, which are garbage
  at once: the index then lies behind all that lives. (Without: 0.38 / 1.8.)
- ``_idle`` allocates one such object whenever nothing is runnable, and more while there are gaps
  before the place where a frame fits: the index moves past the garbage made since. The address also
  shows, at no cost, how much that was and whether the collector ran. (Without the gaps: 0.96 /
  2.0; without any work when idle: 3.6 / 4.5.)
- ``_idle`` collects once a quarter of the free heap is used up: there nobody waits.
- ``gc.threshold`` is for work that never lets the loop become idle. It is half of what is free: a
  lower one makes the collector run in the middle of a burst. (An eighth: 0.32 / 14.5.)

The longest pause is that of one collection, as without us: 0.2 to 0.3 ms here.

All this compares addresses, which is right in a heap of one piece. An ESP32's has several: see
``heap_areas``.
"""

import gc
import time

from micropython import const

from . import cold, loop
from .cold import cold as rare

_RUN = const(16)  # this many free blocks side by side: the index is behind what lives
_SLICE = const(256)  # objects allocated at a time to get there: less than a collection takes
_BLOCK = const(32)  # bytes of a block: 16 on the chips, 32 on 64-bit ports

collections = 0
"""The number of collections. Those that we did not start are counted when the loop is idle, where
much memory that is freed at once looks the same."""

longest_us = 0
"""The longest pause of a collection, also of those that we did not start: the work is the same."""

base = 0  # address behind what lived at the last collection
quota = 0  # bytes behind it that may be used before the next one
_behind = False  # whether the index has passed all that lives

# ``heap_areas`` replaces these on a chip where addresses do not show what was used, and where gc
# counts memory that is not heap yet.
count = None
mem_free = gc.mem_free


def settle() -> None:
    """Collect, fit quota and threshold to what is free, and have the loop keep to them."""
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
    """Bytes of the largest block that the heap has room for, to a sixteenth of what is free."""
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
            BytesIO(middle).close()  # which gives the block back
        except MemoryError:
            high = middle
            continue
        if count and gc.mem_alloc() + port.mem_free() >= total + middle:
            # The heap has grown for it, by memory that Wi-Fi needs: a collection gives that back.
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
        pass  # the next allocation will fail too; the loop must go on
    return ms


def _advance() -> None:
    """Move the index on; ``_behind`` says whether it has arrived."""
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
