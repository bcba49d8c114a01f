"""Background tasks that outlive their errors."""

import asyncio

from micropython import const

from .log import crumb_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from .log import Log


_FIRST_MS = const(1000)
_LAST_MS = const(60000)


def spawn(log: "Log", function: "Callable", *args: "Any") -> "asyncio.Task":
    """Start a task that runs ``async function(*args)`` until it returns without an error."""
    return asyncio.create_task(_keep(log, function, args))


async def _keep(log, function, args):
    pause = _FIRST_MS
    while True:
        _leave_crumb(log.name, function)
        try:
            return await function(*args)
        except Exception as e:
            log.exception(e, "task failed, restarting it")  # making a text could find no memory
        await asyncio.sleep_ms(pause)
        pause = min(2 * pause, _LAST_MS)


def _leave_crumb(service, function):
    try:
        from . import port  # which a part of the runtime on its own does not have
    except ImportError:
        return
    port.crumb(crumb_of(5, service, getattr(function, "__name__", "")))
