"""Deadlines of calls: ``with deadline(500): await self.readings.newest(fridge)``.

A deadline belongs to the task that sets it. Calls in memory run in the same task and so have the
same deadline. A call to another board carries the time that is left.
"""

import asyncio
from time import ticks_add, ticks_diff

from micropython import const

from . import Fault, clock, kernel

_GRACE_MS = const(1000)  # a ``deadline`` block in the call ends first, with its own error

_deadlines: dict = {}  # task -> its deadline, in ticks
_calls: dict = {}  # the same for tasks that serve a call from another board


def left(default: int) -> int:
    """Return how many ms the current task has left.

    If it has no deadline, that is ``default``, or the time that is left to the request that it
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
    """Give the current task, which serves a call from another board, the caller's deadline."""
    _calls[asyncio.current_task()] = ticks_add(clock.ticks(), ms)


def end() -> None:
    """End the deadline of the current task, which has served its call."""
    _calls.pop(asyncio.current_task(), None)


def cancel_overdue() -> None:
    """Cancel the tasks that serve a call whose deadline has passed: nobody waits for it."""
    now = clock.ticks()
    for task in list(_calls):
        if ticks_diff(now, _calls[task]) > _GRACE_MS:
            _calls[task] = now  # cancelled again after the grace period if it continues
            task.cancel()


class deadline:
    """End a ``with`` block after ``ms`` milliseconds with ``Fault(504)``.

    It applies to calls in memory and between boards. Of two nested blocks, the one that ends first
    counts. It does not apply to tasks that are started in the block. ``timer`` is None once the
    block's own deadline has passed.
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
        # A little later than the call that waits, because its error names what it waited for.
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
