"""Asks the governor at each idle point, and carries out its decision. See ``docs/power.md``."""

import asyncio

from micropython import const

from .. import clock, log, loop, port, power, wifi
from . import chip
from .governor import CLOSE, DEEP, DOZE, LIGHT, WAIT, Policy, State, decide

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..kernel import Kernel

_CLOSE_MS = const(2000)
_KEPT = const(320)  # bytes: a schedule of twenty jobs, the levels of the wake pins
_REJOINS = const(0)  # 1 in an image of a board that sleeps deep: see link/flags.py
_LAST = const(100)  # the rank of the idle callback: sleep comes after everything else

_log = log.Log("power")


class Power:
    """Acts for the governor: fills in its state and carries out its decision."""

    def __init__(self, policy: Policy, kernel: "Kernel") -> None:
        self._policy = policy
        self._state = State()
        self._kernel = kernel
        self._budget = kernel.budget
        self._schedule = kernel.schedule
        self._pins = kernel.pins
        self._closing: asyncio.Task | None = None

    def begin(self) -> None:
        """Let the board sleep from now on when there is nothing to do."""
        if port.reset_cause() == "deep sleep":
            self._resume()
        else:
            power.touch()  # the person who has switched the board on may want to use it
        loop.lazy = self._policy.mode == "doze"
        loop.on_idle(self._idle, _LAST)

    def _resume(self) -> None:
        """Continue with the values that were kept over the deep sleep."""
        from ..store import state

        kept = state.of("torpor.power", _KEPT)
        clock.set_at = clock.set_at or kept.get("clock_set", 0)
        if self._schedule and "jobs" in kept:
            # The clock was not set in between, so the difference is the time slept.
            slept = clock.wall_ms() - kept["asleep_at"]
            self._schedule.resume(kept["jobs"], max(0, slept))
        if self._pins and "pins" in kept:
            self._pins.resume(kept["pins"])

    def _idle(self, next_ms: int) -> int:
        s = self._state
        self._look(s, next_ms)
        decision = decide(self._policy, s)
        if decision == WAIT:
            s.closed = False  # the sleep that was announced has to be announced again
            return s.ms
        if decision == CLOSE:
            if self._closing is None:
                self._closing = asyncio.create_task(self._close(s.ms))
                return 0
            return next_ms
        if decision == DEEP:
            self._deep(s.ms)
        elif decision == LIGHT:
            chip.light(s.ms)
        elif decision == DOZE:
            chip.light(None)
            clock.lost()
        return 0

    def _look(self, s: State, next_ms: int) -> None:
        """Fill in the state."""
        s.next_ms = next_ms
        s.holds = loop.holds
        s.open = s.serving = 0
        s.quiet_ms = clock.since(power.touched)
        s.served = power.served
        if self._budget:
            self._look_at_connections(s, self._budget)
        s.up_ms = clock.uptime_ms()
        s.joined = wifi.joined
        s.joining = wifi.joining
        s.busy_ms = 0
        for source in power.sources:
            ms = source.busy_ms()
            if ms:
                s.busy_ms = -1 if ms < 0 or s.busy_ms < 0 else max(ms, s.busy_ms)
        s.due_ms = self._schedule.due_ms() if self._schedule else -1
        s.failed = len(self._kernel.failed) > len(self._kernel.safe)

    def _look_at_connections(self, s: State, budget) -> None:
        from ..http.budget import FRESH, IDLE

        if budget.ended is not None:
            s.served = True
            s.quiet_ms = min(s.quiet_ms, clock.since(budget.ended))
        for c in budget.open:
            s.open += 1
            if c.state == IDLE:
                s.served = True
                s.quiet_ms = min(s.quiet_ms, clock.since(c.since))
            elif c.state != FRESH or clock.since(c.since) < self._policy.linger_ms:
                s.serving += 1

    async def _close(self, ms: int) -> None:
        """Close the sources and end the idle connections."""
        try:
            for source in power.sources:
                try:
                    await asyncio.wait_for_ms(source.close(ms), _CLOSE_MS)
                except Exception as e:
                    _log.exception(e, "closing before sleep")
            if self._budget:
                self._budget.drop_idle()
            self._state.closed = True
        finally:
            self._closing = None

    def _deep(self, ms: int) -> None:
        try:
            self._keep()
        except Exception as e:  # the board sleeps and wakes even without it
            _log.exception(e, "not everything is kept over the sleep")
        if ms < 0:
            _log.info("deep sleep")
        else:
            _log.info("deep sleep for %d ms", ms)
        chip.deep(ms, self._pins.armed() if self._pins else ())

    def _keep(self) -> None:
        """Keep everything that the next start needs."""
        from ..store import state

        kept = state.of("torpor.power", _KEPT)
        kept["asleep_at"] = clock.wall_ms()
        kept["clock_set"] = clock.set_at
        if self._schedule:
            kept["jobs"] = self._schedule.snapshot()
        if self._pins:
            kept["pins"] = self._pins.levels()
        if _REJOINS:
            wifi.remember(state.of("torpor.wifi"))
        if state.keep not in self._kernel.savers:
            self._kernel.savers.append(state.keep)
        self._kernel.save()


def start(kernel: "Kernel") -> None:
    """Begin with the policy of the wiring; the listeners and schedules exist already."""
    Power(Policy(*kernel.cluster.POWER), kernel).begin()
