"""What ``system.info`` tells. An overlay: 1.5 kB in 64-bit MicroPython, and few ask for it."""

import gc
import sys

from . import clock, cold, heap, kernel, port, wifi  # type: ignore[attr-defined]

cold.until_collected(__name__)


def info() -> dict:
    """Identity, firmware, uptime (s), heap (bytes), reset cause, Wi-Fi, connections, services."""
    k = kernel.current
    return {
        "cluster": k.cluster.NAME,
        "board": k.cluster.BOARD,
        "id": port.unique_id(),
        "firmware": "MicroPython %d.%d.%d" % sys.implementation.version[:3],
        "platform": sys.platform,
        "uptime": clock.uptime_ms() // 1000,
        "clock": clock.now() if clock.synced() else None,
        "heap": {
            "free": port.mem_free(),
            "used": gc.mem_alloc(),
            "largest": largest(),
            "collections": heap.collections,
            "longest_pause_us": heap.longest_us,
        },
        "reset_cause": port.reset_cause(),
        "wake_reason": port.wake_reason(),
        "wifi": wifi.info(),
        "connections": {
            "open": len(k.budget.open),
            "places": k.budget.places,
            "displaced": k.budget.displaced,
            "turned_away": k.budget.turned_away,
        }
        if k.budget
        else {},
        "failed": k.failed,
    }


def largest() -> int:
    """Bytes of the largest block that the heap has room for, to a sixteenth of what is free."""
    from io import BytesIO

    high = port.mem_free()
    total = gc.mem_alloc() + high
    step = high >> 4
    low = 0
    gc.disable()  # a block that cannot be had is no reason to collect
    while high - low > step:
        middle = (low + high) // 2
        try:
            BytesIO(middle).close()  # which gives the block back
        except MemoryError:
            high = middle
            continue
        if heap.count and gc.mem_alloc() + port.mem_free() >= total + middle:
            # The heap has grown for it, by memory that Wi-Fi needs: a collection gives that back.
            heap.collect()
            high = middle
        else:
            low = middle
    gc.enable()
    return low
