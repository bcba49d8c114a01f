"""The time of day, the time since the start, and ticks. No other module reads a clock."""

import time

# MicroPython counts seconds from 2000 on most chips and from 1970 on the Unix port.
_EPOCH = 946684800 if time.gmtime(0)[0] == 2000 else 0
_SET = 1_700_000_000  # 2023-11: a clock that shows less was never set

ticks = time.ticks_ms
"""Milliseconds of a counter that wraps; compare with ``since``."""

_boot = ticks()
_lost = False
set_at = 0  # when the clock was last set, s since 1970; 0: not known
_later = 0  # uptime in ms before which the clock should not be set again
_wraps = 0  # ms that lie before _boot because the counter wrapped


def now() -> int:
    """Return the seconds since 1970-01-01 UTC; see ``synced``."""
    return int(time.time()) + _EPOCH


def wall_ms() -> int:
    """Return ``now`` in ms. Differences are right unless the clock is set in between."""
    return time.time_ns() // 1000000 + _EPOCH * 1000


def synced() -> bool:
    """Return whether the clock was set since power-on and has not stopped since."""
    return not _lost and now() > _SET


def lost() -> None:
    """Record that the clock has stopped for an unknown time."""
    global _lost
    _lost = True


def was_set() -> None:
    """Record that the clock was set."""
    global _lost, set_at
    _lost = False
    set_at = now()


def set_later(seconds: int) -> None:
    """Record that the clock could not be set, and when to try again."""
    global _later
    _later = uptime_ms() + seconds * 1000


def set_due(every_s: int) -> bool:
    """Return whether the clock should be set: it is wrong, or was set over ``every_s`` ago."""
    wrong = not synced() or not 0 <= now() - set_at < every_s
    return wrong and uptime_ms() >= _later


def since(start: int) -> int:
    """Return the ms since ``ticks()`` returned ``start`` (valid for up to six days)."""
    return time.ticks_diff(ticks(), start)


def uptime_ms() -> int:
    """Return the ms since the runtime was loaded."""
    global _boot, _wraps
    passed = since(_boot)
    if passed > 1 << 28:  # long before the counter wraps (2^30 ms on the chips, 12 days)
        _wraps += passed
        _boot = ticks()
        passed = 0
    return _wraps + passed
