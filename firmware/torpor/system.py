"""Information about the board."""

import gc
import sys

from . import clock, heap, kernel, log, port, wifi
from .cold import cold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypedDict

    from .wifi import Network

    class Heap(TypedDict):
        """Part of ``Info``: bytes, a number of collections, and their longest pause in µs."""

        free: int
        used: int
        largest: int
        collections: int
        longest_pause_us: int

    class Connections(TypedDict, total=False):
        """Part of ``Info``; empty on a board that does not listen."""

        open: int
        places: int
        displaced: int
        turned_away: int

    class Info(TypedDict):
        """The type of ``system.info()``."""

        cluster: str
        board: str
        id: str
        firmware: str
        platform: str
        uptime: int
        clock: int | None
        heap: Heap
        reset_cause: str
        wake_reason: str
        wifi: Network
        connections: Connections
        failed: dict[str, str]


@cold
def info() -> "Info":
    """Return identity, firmware, uptime (s), heap (bytes), reset cause, Wi-Fi and services."""
    from .port import unique_id

    k = kernel.current
    return {
        "cluster": k.cluster.NAME,
        "board": k.cluster.BOARD,
        "id": unique_id(),
        "firmware": "MicroPython %d.%d.%d" % sys.implementation.version[:3],
        "platform": sys.platform,
        "uptime": clock.uptime_ms() // 1000,
        "clock": clock.now() if clock.synced() else None,
        "heap": {
            "free": port.mem_free(),
            "used": gc.mem_alloc(),
            "largest": heap.largest(),
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


def reset_cause() -> str:
    """Return why the board started.

    "power-on", "hard reset", "watchdog", "deep sleep", "soft reset" or "other".
    """
    return port.reset_cause()


def wake_reason() -> str:
    """Return what ended the deep sleep: timer, pin or touch; empty after any other start."""
    return port.wake_reason()


def log_tail(lines: int) -> list[str]:
    """Return the last ``lines`` lines of the log."""
    return log.tail(lines)
