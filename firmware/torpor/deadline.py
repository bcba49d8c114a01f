"""Deadlines of calls: ``with deadline(500): await self.readings.newest(fridge)``.

A deadline belongs to the task that sets it. What the task calls in memory runs in the same task and
so has the same deadline; a call to another board carries the time that is left.
"""

import asyncio
from time import ticks_add, ticks_diff

from micropython import const

from . import Fault, clock, kernel

_GRACE_MS = const(1000)  # a block of ``deadline`` in the call ends first, with an error of its own

_deadlines: dict = {}  # task -> when its time is over, in ticks
_calls: dict = {}  # the same of tasks that serve a call of another board


def left(default: int) -> int:
    """Return the ms that the current task still has.

    Without a deadline of its own it has ``default``, or what is left of the request that it
    handles if that is less.
    """
    task = asyncio.current_task()
    due = _due(task)
    if due is not None:
        return max(0, ticks_diff(due, clock.ticks()))
    budget = kernel.current.budget if kernel.current else None
    ms = budget.left(task) if budget else -1
    return default if ms < 0 else min(default, ms)


def _due(task):
    due = _deadlines.get(task) if _deadlines else None
    return _calls.get(task) if due is None else due


def begin(ms: int) -> None:
    """Give the current task, which serves a call of another board, the caller's deadline."""
    _calls[asyncio.current_task()] = ticks_add(clock.ticks(), ms)


def end() -> None:
    """End the deadline of the current task, which has served its call."""
    _calls.pop(asyncio.current_task(), None)


def cancel_overdue() -> None:
    """Cancel the tasks that serve a call whose time is over: nobody waits for it any more."""
    now = clock.ticks()
    for task in list(_calls):
        if ticks_diff(now, _calls[task]) > _GRACE_MS:
            _calls[task] = now  # again after the grace, if it goes on
            task.cancel()


class deadline:
    """End a ``with`` block after ``ms`` milliseconds with ``Fault(504)``.

    It applies to calls in memory and between boards. Of two nested blocks, the one that ends first
    counts. It does not apply to tasks that are started in the block. ``timer`` is None once its
    own time is over.
    """

    def __init__(self, ms: int) -> None:
        self._ms = ms

    def __enter__(self):
        task = self._task = asyncio.current_task()
        due = ticks_add(clock.ticks(), self._ms)
        outer = _due(task)
        self._outer = _deadlines.get(task)
        if outer is None or ticks_diff(due, outer) < 0:
            _deadlines[task] = due
        self.timer: asyncio.Task | None = asyncio.create_task(self._expire())
        return self

    async def _expire(self) -> None:
        # A little later than the call that waits, whose error says for whom it has waited.
        await asyncio.sleep_ms(self._ms + min(self._ms // 20, 50))
        self.timer = None
        self._task.cancel()  # type: ignore[union-attr]

    def __exit__(self, kind, error, trace) -> None:
        if self._outer is None:
            _deadlines.pop(self._task, None)
        else:
            _deadlines[self._task] = self._outer
        if self.timer:
            self.timer.cancel()
        elif kind is asyncio.CancelledError:
            raise Fault(504, "not done within %d ms" % self._ms)
