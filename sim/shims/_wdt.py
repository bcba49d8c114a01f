"""``machine.WDT``: the supervisor ends the process when it is not fed in time."""

import time

from _sim import facts, trace

_MOST_MS = 8388 if facts["port"] == "rp2" else 1 << 30


_ENABLE = 1 << 30  # of a Pico's control register
_last = None  # the watchdog that was made last
_enabled = True


def control():
    return _ENABLE if _last and _enabled else 0


def set_control(value):
    """Stop the watchdog, or restart it, as a Pico's control register does."""
    global _enabled
    _enabled = bool(value & _ENABLE)
    if _last:
        trace("watchdog", timeout=_last._timeout if _enabled else 0)


class WDT:
    def __init__(self, id=0, timeout=5000):
        global _last, _enabled
        if timeout > _MOST_MS:
            raise ValueError("timeout exceeds %d" % _MOST_MS)
        self._timeout = timeout
        _last = self
        _enabled = True
        trace("watchdog", timeout=timeout)
        self._told = time.ticks_ms()

    def feed(self):
        # Fed in every turn of a loop, it must not flood the supervisor.
        if _enabled and time.ticks_diff(time.ticks_ms(), self._told) * 4 > self._timeout:
            self._told = time.ticks_ms()
            trace("watchdog", timeout=self._timeout)
