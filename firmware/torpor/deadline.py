"""Deadlines of calls: ``with deadline(500): await self.readings.newest(fridge)``.

A deadline belongs to the task that sets it. What the task calls in memory runs in the same task and
so has the same deadline; what it calls on another board takes along what is left of it.
"""

import asyncio
from time import ticks_add, ticks_diff

from . import clock
from .service import Fault

_deadlines: dict = {}  # task -> when its time is over, in ticks


def left(default: int) -> int:
    """Return the ms that the current task still has; ``default`` if it has no deadline."""
    due = _deadlines.get(asyncio.current_task()) if _deadlines else None
    return default if due is None else max(0, ticks_diff(due, clock.ticks()))


def begin(ms: int) -> None:
    """Give the current task, which serves a call of another board, the caller's deadline."""
    _deadlines[asyncio.current_task()] = ticks_add(clock.ticks(), ms)


def end() -> None:
    """The current task has served its call."""
    _deadlines.pop(asyncio.current_task(), None)


class deadline:
    """A block that ends within ``ms`` milliseconds, or with ``Fault(504)``.

    It holds for calls in memory and between boards alike. Of two blocks, one in the other, the one
    that ends first counts. Tasks that are started in the block are not bound by it.
    """

    def __init__(self, ms: int) -> None:
        self._ms = ms

    def __enter__(self):
        task = self._task = asyncio.current_task()
        due = ticks_add(clock.ticks(), self._ms)
        outer = self._outer = _deadlines.get(task)
        if outer is None or ticks_diff(due, outer) < 0:
            _deadlines[task] = due
        self._timer: asyncio.Task | None = asyncio.create_task(self._expire())
        return self

    async def _expire(self) -> None:
        # A little later than the call that waits, whose error says for whom it has waited.
        await asyncio.sleep_ms(self._ms + min(self._ms // 20, 50))
        self._timer = None
        self._task.cancel()  # type: ignore[union-attr]

    def __exit__(self, kind, error, trace) -> None:
        if self._outer is None:
            _deadlines.pop(self._task, None)
        else:
            _deadlines[self._task] = self._outer
        if self._timer:
            self._timer.cancel()
        elif kind is asyncio.CancelledError:
            raise Fault(504, "not done within %d ms" % self._ms)
