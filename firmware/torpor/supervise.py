"""Background tasks that outlive their errors."""

import asyncio

from micropython import const

_FIRST_MS = const(1000)
_LAST_MS = const(60000)


def spawn(log, function, *args):
    """Start a task that runs ``async function(*args)`` until it returns without an error."""
    return asyncio.create_task(_keep(log, function, args))


async def _keep(log, function, args):
    pause = _FIRST_MS
    while True:
        try:
            return await function(*args)
        except Exception as e:
            log.exception(e, "task failed, begins again")  # a text to be made could find no memory
        await asyncio.sleep_ms(pause)
        pause = min(2 * pause, _LAST_MS)
