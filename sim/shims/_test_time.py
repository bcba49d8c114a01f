"""Stands in for ``time`` in tests: while the fixture ``clock`` is used, time passes as it says.

A sleep moves that clock and takes no time. Reading the clock takes 5 us of the program's time, so a
loop that polls it ends.
"""

import time as _time
from time import *  # noqa: F403

from micropython import const

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_READ_US = const(5)  # about what a call takes on a Pico
_MASK = _time.ticks_add(0, -1)
_EPOCH = 946684800 if _time.gmtime(0)[0] == 2000 else 0

real_ms = _time.ticks_ms
_clock: "Any" = None  # the fixture's
_us = 0  # of the program's time, besides the milliseconds that the clock has passed
_asleep_us = 0  # slept, less than a millisecond


def follow(clock):
    """Go by ``clock`` from now on; None: by the real one."""
    global _clock, _us, _asleep_us
    _clock = clock
    _us = _time.ticks_us()
    _asleep_us = 0


def time():  # type: ignore[no-redef]
    return _clock.now() - _EPOCH if _clock else _time.time()


def time_ns():  # type: ignore[no-redef]
    return _clock.wall_ms() * 1_000_000 - _EPOCH * 1_000_000_000 if _clock else _time.time_ns()


def gmtime(seconds=None):  # type: ignore[no-redef]
    return _time.gmtime(time() if seconds is None else seconds)


def localtime(seconds=None):  # type: ignore[no-redef]
    return _time.localtime(time() if seconds is None else seconds)


def _now_us():
    global _us
    _us += _READ_US
    return _us + _clock.passed * 1000 + _asleep_us


def ticks_us():  # type: ignore[no-redef]
    return _now_us() & _MASK if _clock else _time.ticks_us()


def ticks_ms():  # type: ignore[no-redef]
    return _now_us() // 1000 & _MASK if _clock else _time.ticks_ms()


def sleep_us(us):  # type: ignore[no-redef]
    global _asleep_us
    if not _clock:
        _time.sleep_us(us)
    elif us > 0:
        _asleep_us += us
        ms, _asleep_us = divmod(_asleep_us, 1000)
        _clock.pass_ms(ms)


def sleep_ms(ms):  # type: ignore[no-redef]
    sleep_us(int(ms * 1000))


def sleep(seconds):  # type: ignore[no-redef]
    sleep_us(int(seconds * 1_000_000))
