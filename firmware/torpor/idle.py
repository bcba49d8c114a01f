"""The event loop's idle point: the one place that knows that nothing is runnable.

``add(callback)`` has ``callback(ms)`` called each time before the loop waits. By then everything
that has come is served. ``ms`` is how far away the next timer is, -1 if there is none. It returns
how long the loop may wait: ``ms``, or less to be asked again sooner; 0 if it has used the time
itself (collected garbage, slept), and the loop looks again what there is to do. It must not raise
and should not allocate. Callbacks run in the order of ``rank``: short work first, sleep last.
"""

import asyncio

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

core: "Any" = asyncio.core  # type: ignore[attr-defined]  # the stubs know half of it

holds = 0  # who needs the board awake: see Hold

lazy = False  # whether pause() may last longer: set where timers keep the board from sleeping

_callbacks: "list[tuple[int, Callable[[int], int]]]" = []
_parked = core.TaskQueue()
_poll: "Any" = None


class Hold:
    """``async with Hold():`` keeps the board awake for as long as the block runs."""

    async def __aenter__(self):
        global holds
        holds += 1

    async def __aexit__(self, *error):
        global holds
        holds -= 1


def add(callback, rank: int = 0) -> None:
    """Call ``callback`` at each idle point, after those of lower ``rank``."""
    global _poll
    if _poll is None:
        _poll = core._io_queue.wait_io_event
        core._io_queue.wait_io_event = _wait
    _callbacks.append((rank, callback))
    _callbacks.sort(key=lambda entry: entry[0])


# async
def pause(ms: int):
    """Wait ``ms``; with ``lazy`` set, until the board is next awake after that.

    For the runtime's own housekeeping, which must not wake a chip that sleeps: callbacks do not
    see it as a timer.
    """
    task = core.cur_task
    if lazy:
        _parked.push(task, core.ticks_add(core.ticks(), ms))
        task.data = _parked
    else:
        core._task_queue.push(task, core.ticks_add(core.ticks(), ms))
    yield


def _wait(ms):
    """Stands in for the queue's ``wait_io_event``, which the loop calls in every turn."""
    if ms == 0:
        return _poll(0)
    _poll(0)
    while True:
        left = _left(core._task_queue)
        if left == 0:
            return
        if _left(_parked) == 0:
            core._task_queue.push(_parked.pop())
            return
        for _, callback in _callbacks:
            left = callback(left)
            if left == 0:
                break
        parked = _left(_parked)
        _poll(parked if left < 0 or 0 <= parked < left else left)
        # With no timer set the loop takes it that a task is runnable when we return.
        if ms > 0 or core._task_queue.peek():
            return


def _left(queue):
    """How far away the first timer of a queue is, in ms; -1: there is none."""
    task = queue.peek()
    return max(0, core.ticks_diff(task.ph_key, core.ticks())) if task else -1
