"""Notes in the log which service blocks the loop with ``time.sleep``, and for how long.

MicroPython does not show who calls a function. So a module that imports ``time`` gets one of its
own, which knows the module's name.
"""

import builtins
import sys
import time as _time
from asyncio import core

import _service
from _sim import facts

_import = builtins.__import__
_LIMIT_MS = facts["blocking"]
_OURS = ("torpor", "asyncio", "cluster", "simdevices", "__main__", "machine", "network", "socket")
_NAMES = ("time", "utime")


_step = None  # the step of a task that sleeps: the task, and when it was due
_slept = 0  # ms in that step
_pending = ""  # the module that has slept for too long in it, until the step is observed
_noted: dict = {}  # module -> the ms that were noted last
_observer = None  # the watchdog's, which reports long stalls of any cause


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
        if core.cur_task is not None:  # else there is no loop yet
            _add(self._module, _native.ticks_diff(_native.ticks_ms(), start))


def _add(module, ms):
    global _step, _slept, _pending
    step = (core.cur_task, core.cur_task.ph_key)
    if step != _step:
        _step = step
        _slept = 0
    _slept += ms
    if _slept <= _LIMIT_MS:
        return
    from torpor import loop

    if loop._observer is None:
        _note(module, _service.now(), "start")  # nothing observes the loop before it is ready
        return
    _pending = module
    _observe(loop)


def _observe(loop):
    """Look after the watchdog does, which reports a longer stall itself."""
    global _observer
    if loop._observer is not _observed:
        _observer = loop._observer
        loop._observer = _observed


def _observed(passed):
    global _pending, _step
    watchdog = sys.modules["torpor.watchdog"]
    before = watchdog.stalls
    _observer(passed)
    if _pending and watchdog.stalls == before:
        _note(_pending, _service.now(), _service.work()[1])
    _pending = ""
    _step = None


def _note(module, service, method):
    """Write a line; the same again and again gets one."""
    if _slept < 2 * _noted.get(module, 0):
        return
    _noted[module] = _slept
    from torpor import log

    parts = module.split(".")
    service = service or (parts[1] if parts[0] == "services" else "kernel")
    text = "%s blocked the loop for %d ms with time.sleep in %s: nothing else ran meanwhile"
    log.Log(service).warning(text, method, _slept, module)


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
            _service.follow(port)
    return module


def install():
    global _native
    _native = sys.modules.get("time", _time)  # that of a board with another epoch or a fast clock
    builtins.__import__ = _hooked  # type: ignore[assignment]
