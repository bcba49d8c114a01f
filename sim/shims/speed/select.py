"""Stands in for ``select``.

Waits are shorter when the simulator's clock runs faster. They end with a tick of the chip's
scheduler if the chip looks at its sockets only then.
"""

import time

from _sim import facts, native

_native = native("select")
_clock = native("time")
POLLIN = _native.POLLIN
POLLOUT = _native.POLLOUT
POLLERR = _native.POLLERR
POLLHUP = _native.POLLHUP
_speed = getattr(time, "speed", 1)
_TICK_US = int(facts["behaves"]["poll_ms"] * 1000 / _speed)


def _real(ms):
    return ms if ms <= 0 or _speed == 1 else int(ms / _speed) + 1


class poll:
    def __init__(self):
        poller = _native.poll()
        self._ipoll = poller.ipoll
        self._poll = poller.poll
        self.register = poller.register
        self.modify = poller.modify
        self.unregister = poller.unregister

    def _wait(self, timeout):
        """Wait as the chip does, until the tick at which it finds something or gives up."""
        if timeout and not self._poll(0):
            self._poll(_real(timeout))
            _clock.sleep_us(_TICK_US - _clock.ticks_us() % _TICK_US)

    def poll(self, timeout=-1):
        if _TICK_US < 2000:
            return self._poll(_real(timeout))
        self._wait(timeout)
        return self._poll(0)

    def ipoll(self, timeout=-1, flags=0):
        if _TICK_US < 2000:
            return self._ipoll(_real(timeout), flags)
        self._wait(timeout)
        return self._ipoll(0, flags)
