"""A clock that stands still until all tasks wait, and then jumps.

While it is installed, ``torpor.clock`` and asyncio's timers use it. Only waiting moves it: when no
task can run, it jumps to the next timer. An hour of ``asyncio.sleep`` takes no time, and every task
wakes in its order at exactly its time.

In the simulator ``time``, the timers of ``machine`` and the devices follow it, too. A chip's own do
not.
"""

import asyncio
import sys
import time

import _clock_steps
import _sim  # of the simulator
from micropython import const

from torpor import clock

from .arguments import NUMBER, only, within

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    core: Any
else:
    from asyncio import core

# asyncio's queue, which is native code, stamps a ready task with the real counter. If the clock is
# far ahead of that counter, by less than half its range, such a task is always due.
_AHEAD = const(1 << 27)  # ms
_NETWORK_MS = const(20)  # how long real sockets may take before the clock jumps over them
_CLOCK = ("ticks", "now", "wall_ms", "_boot", "_wraps", "_lost", "set_at", "_later")
_LONGEST_MS = const(1 << 28)  # a timer reaches half of the counter's range
_NAMES = ("seconds", "ms", "minutes", "hours", "days")
_UNITS_MS = {"seconds": 1000, "ms": 1, "minutes": 60_000, "hours": 3_600_000, "days": 86_400_000}
_FORWARD = "a number of 0 or more; clock.set(unix) sets the time of day back"
_LEAP = "whole milliseconds from 0 to 268435456; clock.advance() goes further"
_START = const(1_750_000_000)  # 2025-06-15 15:06:40 UTC


class Clock:
    """The fixture ``clock``."""

    def __init__(self) -> None:
        self._ticks = time.ticks_add(time.ticks_ms(), _AHEAD)
        self.passed = 0  # ms, all of them
        self._offset = _START * 1000

    def now(self) -> int:
        """Return the seconds since 1970, as ``torpor.clock.now`` does."""
        return (self._offset + self.passed) // 1000

    def wall_ms(self) -> int:
        """Return the milliseconds since 1970."""
        return self._offset + self.passed

    def ticks(self) -> int:
        """Return the milliseconds of the counter that timers use."""
        return self._ticks

    def set(self, unix: int) -> None:
        """Set the time of day, as the network does; timers do not move.

        Args:
            unix: Whole seconds since 1970.
        """
        within("clock.set()", "unix", unix, 0, 1 << 40, "whole seconds since 1970, 0 or more")
        self._offset = unix * 1000 - self.passed

    async def advance(self, seconds: float = 0, **units: "Any") -> None:
        """Let time pass. Everything that becomes due runs, in its order.

        Args:
            seconds: May be given without its name.
            units: ``ms``, ``minutes``, ``hours`` or ``days``, which are added up.

        Raises:
            TypeError: A unit that does not exist, or a time that is not a number of 0 or more.
        """
        call = "clock.advance()"
        only(call, units, _NAMES)
        units["seconds"] = seconds
        ms = 0
        for name, value in units.items():
            within(call, name, value, 0, 1e11, _FORWARD, NUMBER)
            ms += int(value * _UNITS_MS[name])
        while ms > _LONGEST_MS:
            await core.sleep_ms(_LONGEST_MS)
            ms -= _LONGEST_MS
        await core.sleep_ms(ms)

    def jump(self, ms: int) -> None:
        """Move the clock at once; tasks that were due meanwhile run afterwards, all late.

        Args:
            ms: Milliseconds, at most 268,435,456 (three days): timers reach no further.
        """
        within("clock.jump()", "ms", ms, 0, _LONGEST_MS, _LEAP)
        self._jump(ms)

    def _jump(self, ms: int) -> None:
        self.passed += ms
        self._ticks = time.ticks_add(self._ticks, ms)

    def pass_ms(self, ms: int) -> None:
        """Let ``ms`` pass for a program that blocks; the chip's own activities continue."""
        end = self.passed + ms
        while self.passed < end:
            self._step(end - self.passed)

    def _step(self, ms: int) -> None:
        """Jump by ``ms``, or less: to the next own activity of the chip or of a device."""
        _look()
        left = _left()
        self._jump(ms if left is None else min(ms, left))
        _look()

    def _idle(self, wait, dt: int) -> "Any":
        """Replace ``wait``, which waits for the network, at most ``dt`` ms (-1: endless)."""
        if not core._task_queue.peek():
            # asyncio needs a task when this returns.
            while dt and not core._task_queue.peek():
                left = _left(not core._io_queue.map)
                if left is None:
                    return wait(dt)
                self._poll_or_step(wait, max(1, left))
            return None
        return wait(dt) if dt <= 0 else self._poll_or_step(wait, dt)

    def _poll_or_step(self, wait, dt: int) -> "Any":
        """Jump, unless the network or a stream of the simulator has something."""
        queue = core._io_queue
        if queue.map:
            began = _real_ms()
            most = min(dt, _NETWORK_MS) if any(map(_is_outside, queue.map.values())) else 0
            wait(most)
            task = core._task_queue.peek()
            if task and core.ticks_diff(task.ph_key, self._ticks) <= 0:
                return None
            if time.ticks_diff(_real_ms(), began) < most:
                return None  # something came
        self._step(dt)
        return None

    def install(self) -> None:
        """Replace the real clock. The event loop must be new."""
        wait = core._io_queue.wait_io_event
        core._io_queue.wait_io_event = lambda dt: self._idle(wait, dt)
        _follow(self)
        self._saved = (core.ticks, [(name, getattr(clock, name)) for name in _CLOCK])
        core.ticks = clock.ticks = self.ticks
        clock.now = self.now
        clock.wall_ms = self.wall_ms
        clock._boot = self._ticks
        clock._wraps = 0
        _sim.ticks = self.ticks  # the shims' access to time
        _clock_steps.stepped = True
        _shift_timers(time.ticks_diff(self._ticks, _real_ms()))

    def remove(self) -> None:
        """Restore the real clock."""
        core.ticks, saved = self._saved
        for name, value in saved:
            setattr(clock, name, value)
        _follow(None)
        _sim.ticks = _real_ms
        _clock_steps.stepped = False
        _shift_timers(time.ticks_diff(_real_ms(), self._ticks))


def _real_ms() -> int:
    shim = sys.modules.get("_test_time")
    return shim.real_ms() if shim else time.ticks_ms()  # type: ignore[attr-defined]


def _follow(fixture) -> None:
    """Make ``time`` use the fixture, or the real clock. A chip has no such shim."""
    shim = sys.modules.get("_test_time")
    if shim:
        shim.follow(fixture)  # type: ignore[attr-defined]


def _shift_timers(ms: int) -> None:
    interrupts = sys.modules.get("_irq")
    if interrupts:
        interrupts.shift(ms)  # type: ignore[attr-defined]


def _look() -> None:
    for each in list(_clock_steps.steps.values()):
        each._look()


def _left(interrupts_only: bool = False):
    """Return the ms until the next possible activity of the chip or of a device; None: never."""
    least = None
    for name, each in _clock_steps.steps.items():
        ms = None if interrupts_only and name != "irq" else each._left()
        if ms is not None and (least is None or ms < least):
            least = ms
    return least


def _is_outside(waiting) -> bool:
    """Return whether the polled object is outside the simulator: neither a flag nor a UART."""
    stream = waiting[2]
    return not (isinstance(stream, asyncio.ThreadSafeFlag) or hasattr(stream, "_left"))
