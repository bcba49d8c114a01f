"""The one door to time."""

import time

# MicroPython counts seconds from 2000 on most chips and from 1970 on the Unix port.
_EPOCH = 946684800 if time.gmtime(0)[0] == 2000 else 0
_SET = 1_700_000_000  # 2023-11: a clock that shows less was never set

ticks = time.ticks_ms
"""Milliseconds of a counter that wraps; compare with ``since``."""

_boot = ticks()
_wraps = 0  # ms that lie before _boot because the counter wrapped


def now() -> int:
    """Seconds since 1970-01-01 UTC; see ``synced``."""
    return int(time.time()) + _EPOCH


def synced() -> bool:
    """Whether the clock was set since power-on."""
    return now() > _SET


def since(start: int) -> int:
    """Milliseconds that have passed since ``ticks()`` gave ``start`` (right for up to six days)."""
    return time.ticks_diff(ticks(), start)


def uptime_ms() -> int:
    """Milliseconds since the runtime was loaded."""
    global _boot, _wraps
    passed = since(_boot)
    if passed > 1 << 28:  # long before the counter wraps (2^30 ms on the chips, 12 days)
        _wraps += passed
        _boot = ticks()
        passed = 0
    return _wraps + passed
