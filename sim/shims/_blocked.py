"""Notes in the log which module blocks the loop with ``time.sleep``, and for how long.

MicroPython does not show who calls a function. So a module that imports ``time`` gets one of its
own, which knows the module's name.
"""

import builtins
import sys
import time as _time
from asyncio import core

from _sim import facts

_import = builtins.__import__
_LIMIT_MS = facts["blocking"]
_OURS = ("torpor", "asyncio", "cluster", "simdevices", "__main__", "machine", "network", "socket")
_NAMES = ("time", "utime")


class _Time:
    """``time`` of one module."""

    def __init__(self, module):
        self._module = module
        self._step = None  # the step of a task that sleeps: the task, and when it was due
        self._slept = 0  # ms in that step
        self._noted = _LIMIT_MS // 2

    def __getattr__(self, name):
        value = getattr(_native, name)
        setattr(self, name, value)
        return value

    def sleep_ms(self, ms):
        self._after(_native.sleep_ms, ms)

    def sleep(self, seconds):
        self._after(_native.sleep, seconds)

    def sleep_us(self, us):
        self._after(_native.sleep_us, us)

    def _after(self, sleep, value):
        start = _native.ticks_ms()
        sleep(value)
        task = core.cur_task
        if task is None:
            return  # there is no loop yet
        step = (task, task.ph_key)
        if step != self._step:
            self._step = step
            self._slept = 0
        self._slept += _native.ticks_diff(_native.ticks_ms(), start)
        # The same again and again is noted once.
        if self._slept > _LIMIT_MS and self._slept >= 2 * self._noted:
            self._noted = self._slept
            self._note()

    def _note(self):
        from torpor import log

        parts = self._module.split(".")
        service = parts[1] if parts[0] == "services" else "kernel"
        text = "%s blocked the loop for %d ms with time.sleep: nothing else ran meanwhile"
        log.Log(service).warning(text, self._module, self._slept)


_native = _time
_times: dict = {}  # by module


def _hooked(name, globals=None, locals=None, fromlist=None, level=0):
    if name in _NAMES and globals and not level:
        module = globals.get("__name__", "")
        if module.split(".")[0] not in _OURS and module[:1] != "_":
            if module not in _times:
                _times[module] = _Time(module)
            return _times[module]
    return _import(name, globals, locals, fromlist, level)


def install():
    global _native
    _native = sys.modules.get("time", _time)  # that of a board with another epoch or a fast clock
    builtins.__import__ = _hooked  # type: ignore[assignment]
