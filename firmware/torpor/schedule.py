"""The jobs of all services on one timer: ``@every`` and ``@daily``.

Jobs of ``@every`` count in the time that the board is powered or sleeps, so a clock that is set
does not move them. Jobs of ``@daily`` follow the clock and wait until it is set. A job that was
missed runs once, however often it was missed. A board that sleeps deep keeps ``left`` over the
sleep and gives it back to ``resume``.
"""

import asyncio

from micropython import const

from . import clock, idle, log, supervise

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .kernel import Kernel

_DAY_S = const(86400)
_LOOK_MS = const(3600000)  # while the clock is not set
# A clock may be wrong by some per cent when a long sleep ends: a board that wakes early can set it.
_NEAR_MS = const(300000)
_LOOK_UNSET_MS = const(5000)


def next_every(due: int, period: int, now: int) -> int:
    """The first of ``due``, ``due + period``, ... that is after ``now``."""
    return due if due > now else now + period - (now - due) % period


def next_daily(at: int, last: int, zone=()) -> int:
    """The first time of day ``at`` that is at least half a day after ``last`` (s since 1970 UTC).

    Half a day, so that a clock that is set back a little after a run does not bring it again.
    ``zone``: from when on which offset from UTC counts.
    """
    after = last + _DAY_S // 2
    offset = _offset(zone, after)
    due = after + (at - offset - after) % _DAY_S
    return due + offset - _offset(zone, due)  # summer time may have begun or ended until then


def _offset(zone, at: int) -> int:
    found = 0
    for start, offset in zone:
        if start <= at:
            found = offset
    return found


class Job:
    """A method that runs at its times. ``period`` in ms, or ``at`` in s after midnight."""

    def __init__(self, log, method, period: int, at: int, zone=()) -> None:
        self.log = log
        self.method = method
        self.period = period
        self.at = at
        self.zone = zone
        self.due = 0  # of @every: in the schedule's time, ms
        self.last = 0  # of @daily: when it ran last, s since 1970; 0 while the clock is not set
        self.running = False

    def due_ms(self, now: int) -> int:
        """How far away the next run is, in ms; ``now`` in the schedule's time."""
        if self.period:
            return max(0, self.due - now)
        if not clock.synced():
            return _LOOK_MS
        if not self.last:
            self.last = clock.now() - _DAY_S // 2  # the next time of day from now on
        ms = max(0, next_daily(self.at, self.last, self.zone) - clock.now()) * 1000
        return ms if ms < _NEAR_MS else ms - (ms >> 4)

    def is_due(self, now: int) -> bool:
        """Whether it must run now."""
        if self.period:
            return self.due <= now
        return self.due_ms(now) == 0

    def begin(self, now: int) -> None:
        """Note that a run begins now."""
        if self.period:
            self.due = next_every(self.due, self.period, now)
        else:
            self.last = clock.now()

    async def run(self) -> None:
        """Run once. What it raises is logged, and it runs again when it is due."""
        self.running = True
        async with idle.Hold():
            try:
                await self.method()
            except Exception as e:
                self.log.exception(e, "scheduled run failed")
            finally:
                self.running = False


class Schedule:
    """All jobs of the board."""

    def __init__(self, jobs: list) -> None:
        self.jobs = jobs
        self._daily = any(not job.period for job in jobs)

    def left(self) -> list:
        """What ``resume`` needs, by job: ms until it is due, or when it ran last."""
        now = clock.uptime_ms()
        return [job.due - now if job.period else job.last for job in self.jobs]

    def resume(self, left: list, passed: int) -> None:
        """Go on with what ``left`` gave ``passed`` ms ago, in an earlier start of the board."""
        now = clock.uptime_ms()
        if len(left) != len(self.jobs):
            return
        for i, job in enumerate(self.jobs):
            if job.period:
                job.due = left[i] - passed + now
            else:
                job.last = left[i]

    def due_ms(self) -> int:
        """How far away the next run of any job is, in ms; -1 if there is no job."""
        now = clock.uptime_ms()
        first = -1
        for job in self.jobs:
            ms = job.due_ms(now)
            if first < 0 or ms < first:
                first = ms
        return first

    async def run(self) -> None:
        """Run the jobs when they are due. Never returns."""
        while True:
            now = clock.uptime_ms()
            for job in self.jobs:
                if job.is_due(now):
                    job.begin(now)
                    if not job.running:
                        asyncio.create_task(job.run())
            ms = max(1, self.due_ms())
            if self._daily and not clock.synced():
                ms = min(ms, _LOOK_UNSET_MS)
            await asyncio.sleep_ms(ms)


def start(kernel: "Kernel") -> None:
    """Begin the jobs of the wiring, but for services that did not start."""
    jobs = []
    for name, method, period in kernel.cluster.SCHEDULE:
        jobs.append(_job(kernel, name, method, period, 0))
    for name, method, at in getattr(kernel.cluster, "DAILY", ()):
        jobs.append(_job(kernel, name, method, 0, at, kernel.cluster.ZONE))
    jobs = [job for job in jobs if job]
    kernel.schedule = Schedule(jobs)
    supervise.spawn(log.Log("schedule"), kernel.schedule.run)


def _job(kernel: "Kernel", name: str, method: str, period: int, at: int, zone=()):
    if name in kernel.failed:
        return None
    service = kernel.services[name]
    return Job(service.log, getattr(service, method), period, at, zone)
