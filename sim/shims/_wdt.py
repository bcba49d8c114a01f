"""``machine.WDT``: the supervisor ends the process when it is not fed in time."""

import time

from _sim import facts, trace

_MOST_MS = 8388 if facts["port"] == "rp2" else 1 << 30


class WDT:
    def __init__(self, id=0, timeout=5000):
        if timeout > _MOST_MS:
            raise ValueError("timeout exceeds %d" % _MOST_MS)
        self._timeout = timeout
        trace("watchdog", timeout=timeout)
        self._told = time.ticks_ms()

    def feed(self):
        # Fed in every turn of a loop, it must not flood the supervisor.
        if time.ticks_diff(time.ticks_ms(), self._told) * 4 > self._timeout:
            self._told = time.ticks_ms()
            trace("watchdog", timeout=self._timeout)
