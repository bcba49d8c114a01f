"""Waiting for sockets, idle callbacks and restarting tasks, which asyncio does not offer.

This is the only file of the runtime that touches private parts of asyncio. It MUST guarantee the
following; ``tests/firmware/test_loop.py`` has one test for each, which run on any MicroPython:

1. ``yield queue_read(sock)`` suspends the task until the socket has bytes to read, a client to
   accept, or was closed by the other side.
2. ``yield queue_write(sock)`` suspends it until the socket takes bytes or a connect has ended.
3. ``yield push()`` lets all tasks that are ready run once, and then continues.
4. ``wake_task(task)`` ends the sleep of a task at once. A task that is being cancelled stays so.
5. ``run_or_spawn(coroutine)`` returns when the coroutine ends or waits for the first time; the
   rest of it then runs as a task. ``asyncio.current_task()`` is that task all the time.
6. Idle callbacks are called before each wait, with the time to the next timer, and never while a
   task is ready. The loop waits no longer than they allow.
7. ``pause`` is a sleep; while ``lazy`` is set it does not count as a timer for idle callbacks, and
   lasts until the board is next awake. It can be cancelled either way.

Write ``async def``, except for a function that itself yields to the loop (``yield
queue_read(sock)``): that is a generator, with ``# async`` on the line above and ``yield from`` for
``await``. For MicroPython the two are the same, and both can be awaited, but for type checkers an
``async def`` with a ``yield`` is an asynchronous generator.
"""

import asyncio
import sys

from micropython import const

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Generator

    from .log import Log

core: "Any" = asyncio.core  # type: ignore[attr-defined]  # the stubs have half of it

_LOOK_MS = const(50)
_FIRST_MS = const(1000)  # the first pause before a failed task restarts, and the longest one
_LAST_MS = const(60000)

holds = 0  # how many blocks need the board awake: see Hold

work: "Any" = None  # the connection or the job whose handler began last

lazy = False  # whether pause() may last longer: set if timers keep the board from sleeping

_callbacks: "list[tuple[int, Callable[[int], int]]]" = []
_parked = core.TaskQueue()
_poll: "Any" = None
_observer: "Any" = None
_seen = 0  # when the loop last waited or was observed, in ticks


def queue_read(sock: "Any") -> None:
    """Suspend the current task, which yields next, until ``sock`` can be read."""
    core._io_queue.queue_read(sock)


def queue_write(sock: "Any") -> None:
    """Suspend the current task, which yields next, until ``sock`` can be written."""
    core._io_queue.queue_write(sock)


def push() -> None:
    """Put the current task, which yields next, behind those that are ready."""
    core._task_queue.push(core.cur_task)


def wake_task(task: "asyncio.Task") -> None:
    """Continue a task that is in ``asyncio.sleep_ms``; the current task stays as it is."""
    if task is not core.cur_task and not task.data:
        core._task_queue.remove(task)
        core._task_queue.push(task)


def run_or_spawn(coroutine: "Any") -> None:
    """Run a coroutine until it waits for the first time; the rest becomes a task.

    So a call that never waits costs no turn of the loop. An exception that the coroutine raises
    before it waits is raised here.
    """
    task = core.cur_task
    core.cur_task = core.Task(coroutine)
    try:
        coroutine.send(None)  # afterwards the new task is in the queue for which it waits
    except StopIteration:
        pass
    finally:
        core.cur_task = task


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
            log.exception(e, "task failed, restarting it")  # formatting might find no memory
        await asyncio.sleep_ms(pause)
        pause = min(2 * pause, _LAST_MS)


def _leave_crumb(service, function):
    kernel = sys.modules.get("torpor.kernel")  # missing when a part of the runtime is used alone
    # A task of the runtime, which begins at each start, must not hide what services have begun.
    if kernel and kernel.current and service in kernel.current.services:
        from . import port
        from .log import crumb_of

        port.crumb(crumb_of(5, service, getattr(function, "__name__", "")))


class Hold:
    """``async with Hold():`` keeps the board awake for as long as the block runs."""

    async def __aenter__(self):
        global holds
        holds += 1

    async def __aexit__(self, *error):
        global holds
        holds -= 1


def on_idle(callback: "Callable", rank: int = 0) -> None:
    """Call ``callback(ms)`` each time before the loop waits, after callbacks of lower ``rank``.

    By then all input is served. ``ms`` is the time to the next timer, -1 if there is none. The
    callback returns how long the loop may wait: ``ms``; less, to be called again sooner; or 0 if it
    has used the time itself (collected garbage, slept), so that the loop looks again for something
    to do. It must not raise and should not allocate. Short work has a low rank, sleep the highest.
    """
    _hook(_wait)
    _callbacks.append((rank, callback))
    _callbacks.sort(key=lambda entry: entry[0])


# async
def pause(ms: int) -> "Generator":
    """Wait ``ms``; with ``lazy`` set, until the board is next awake after that.

    For the runtime's own housekeeping, which must not wake a chip that sleeps: callbacks do not
    see it as a timer.
    """
    task = core.cur_task
    if lazy:
        _parked.push(task, core.ticks_add(core.ticks(), ms))
        task.data = _parked  # so that asyncio removes it from there when it is cancelled
    else:
        core._task_queue.push(task, core.ticks_add(core.ticks(), ms))
    yield


def observe(callback: "Callable[[int], None]") -> None:
    """Call ``callback(passed)`` between two tasks, at most every 50 ms.

    ``passed`` is the time in ms since the loop last waited or the callback was called: if it is
    much more than 50, the task that ran last has blocked the loop.
    """
    global _observer, _seen
    _observer = callback
    _seen = core.ticks()
    _hook(_watched)
    core._io_queue.wait_io_event = _watched


def _hook(wait):
    """Make the loop call ``wait`` in every turn, unless it calls one of our functions already."""
    global _poll
    if _poll is None:
        _poll = core._io_queue.wait_io_event
        core._io_queue.wait_io_event = wait


def _watched(ms):
    """Take the place of ``_wait`` when something observes the loop."""
    global _seen
    passed = core.ticks_diff(core.ticks(), _seen)
    if passed > _LOOK_MS:
        _observer(passed)
        _seen = core.ticks()
    if ms == 0:
        return _poll(0)
    _wait(ms)
    _seen = core.ticks()


def _wait(ms):
    """Replace the queue's ``wait_io_event``, which the loop calls in every turn."""
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
        # If no timer is set, the loop assumes that a task is ready when this returns.
        if ms > 0 or core._task_queue.peek():
            return


def _left(queue):
    """Return the time to the first timer of a queue in ms, or -1 if there is none."""
    task = queue.peek()
    return max(0, core.ticks_diff(task.ph_key, core.ticks())) if task else -1
