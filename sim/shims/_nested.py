"""Refuses an event loop inside the running one, as CPython does.

On a chip ``asyncio.run`` in a task takes the tasks of the outer loop with it, and then the firmware
hangs or crashes.
"""

import asyncio
from asyncio import core

_NAMES = ("run", "run_until_complete")


def _checked(name):
    run = getattr(core, name)

    def checked(awaitable):
        if core.cur_task is not None:
            raise RuntimeError("asyncio.%s() in a running event loop: use await instead" % name)
        return run(awaitable)

    return checked


def install():
    for name in _NAMES:
        setattr(core, name, _checked(name))
    asyncio.run = core.run  # type: ignore[attr-defined]
