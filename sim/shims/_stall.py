"""Notes in the log which service has blocked the loop with ``time.sleep``.

Loaded when a module first sleeps in a task.
"""

import sys
from asyncio import core

import _service
from _sim import facts

_LIMIT_MS = facts["blocking"]
_step = None  # the step of a task that sleeps: the task, and when it was due
_slept = 0  # ms in that step
_pending = ""  # the module that has slept for too long in it, until the step is observed
_noted: dict = {}  # module -> the ms that were noted last
_observer = None  # the watchdog's, which reports long stalls of any cause


def add(module, ms):
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
    """Check after the watchdog, which reports a longer stall itself."""
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
    """Write a line, but only once for a stall that repeats."""
    if _slept < 2 * _noted.get(module, 0):
        return
    _noted[module] = _slept
    from torpor import log

    parts = module.split(".")
    service = service or (parts[1] if parts[0] == "services" else "kernel")
    text = "%s blocked the loop for %d ms with time.sleep in %s: nothing else ran meanwhile"
    log.Log(service).warning(text, method, _slept, module)
