"""Stands in for ``select`` where the simulator's clock runs faster: waits are shorter."""

from time import speed

from _sim import native

_native = native("select")
POLLIN = _native.POLLIN
POLLOUT = _native.POLLOUT
POLLERR = _native.POLLERR
POLLHUP = _native.POLLHUP


def _real(ms):
    return ms if ms <= 0 else int(ms / speed) + 1


class poll:
    def __init__(self):
        poller = _native.poll()
        self._ipoll = poller.ipoll
        self._poll = poller.poll
        self.register = poller.register
        self.modify = poller.modify
        self.unregister = poller.unregister

    def poll(self, timeout=-1, flags=0):
        return self._poll(_real(timeout), flags)

    def ipoll(self, timeout=-1, flags=0):
        return self._ipoll(_real(timeout), flags)
