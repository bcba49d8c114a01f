"""The hardware watchdog, and a log line for everything that blocks the loop.

The chip's watchdog resets it when the loop is blocked for too long. It is armed before the
services start. An image for development disarms it when a person interrupts the program for the
prompt.
"""

import asyncio

from micropython import const

from . import log, loop, port
from .cold import cold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .kernel import Kernel

_STALL_MS = const(200)
# Letters of a job's coroutine, because the full name would keep methods of that name in the image.
_JOB = const(3)
_LAST = const(101)  # the rank of the idle callback: after sleep, which must see the real timers

stalls = 0  # how often something blocked the loop; for ``metrics``
_most_ms = 0  # the longest that the loop waits without feeding the watchdog


def begin(kernel: "Kernel") -> None:
    """Arm the watchdog for ``WATCHDOG`` ms, unless that is 0, and observe the loop."""
    global _most_ms
    if kernel.cluster.WATCHDOG:
        _most_ms = kernel.cluster.WATCHDOG // 4
        port.arm(kernel.cluster.WATCHDOG)
        loop.on_idle(_idle, _LAST)
    loop.observe(_observe)


@cold
def running() -> "tuple[str, str]":
    """Return the service and the method of the task that ran last; the kernel's own have "kernel".

    A handler is named by its method, or by its request if an application serves it. A task that a
    service has spawned is named by its coroutine, and a start by the service that starts.
    """
    task: "Any" = asyncio.current_task()
    name = str(task.coro)
    at = name.find("'") + 1
    name = name[at : name.find("'", at)]
    work = loop.work
    if work is not None:
        if getattr(work, "task", None) is task:
            from .http.overdue import method_of

            return work.listener.name, method_of(work)
        # A coroutine that has ended no longer knows its task.
        if hasattr(work, "running") and (work.running or task) is task and len(name) == _JOB:
            return work.log.name, work.method.__name__
    from . import kernel

    if name == "run" and kernel.current and kernel.current.starting:
        return kernel.current.starting, "start"
    return "kernel", name


def _observe(passed: int) -> None:
    global stalls
    port.feed()
    if passed > _STALL_MS:
        stalls += 1
        try:
            _report(passed)
        except MemoryError:
            pass


@cold
def _report(ms: int) -> None:
    name, method = running()
    log.Log(name).warning("%s blocked the loop for %d ms", method, ms)


def _idle(ms: int) -> int:
    port.feed()
    return ms if 0 <= ms < _most_ms else _most_ms
