"""Notes in the log which service blocks the loop with ``time.sleep``, and for how long.

MicroPython does not show who calls a function. So a module that imports ``time`` gets one of its
own, which knows the module's name.
"""

import builtins
import sys
import time as _time
from asyncio import core

_import = builtins.__import__
_OURS = ("torpor", "asyncio", "cluster", "simdevices", "__main__", "machine", "network", "socket")
_NAMES = ("time", "utime")


class _Time:
    """``time`` of one module."""

    def __init__(self, module):
        self._module = module

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
        if core.cur_task is not None:  # otherwise the loop has not started
            ms = _native.ticks_diff(_native.ticks_ms(), start)
            __import__("_stall").add(self._module, ms)


_native = _time
_times: dict = {}  # by module
_followed = False  # whether the breadcrumbs are


def _hooked(name, globals=None, locals=None, fromlist=None, level=0):
    if name in _NAMES and globals and not level:
        module = globals.get("__name__", "")
        if module.split(".")[0] not in _OURS and module[:1] != "_":
            if module not in _times:
                _times[module] = _Time(module)
            return _times[module]
    module = _import(name, globals, locals, fromlist, level)
    global _followed
    if not _followed:
        port = sys.modules.get("torpor.port")
        if hasattr(port, "crumb"):  # its import has ended
            _followed = True
            __import__("_service").follow(port)
    return module


def install():
    global _native
    _native = sys.modules.get("time", _time)  # that of a board with another epoch or a fast clock
    builtins.__import__ = _hooked  # type: ignore[assignment]
