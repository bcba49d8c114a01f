"""The jobs of all services on one timer: ``@every`` and ``@daily``.

Jobs of ``@every`` count the time that the board is powered or sleeps, so setting the clock does not
move them. Jobs of ``@daily`` follow the clock and wait until it is set. A job that was missed runs
once, however often it was missed. A board that sleeps deep keeps ``snapshot`` over the sleep and
passes it to ``resume``.
"""

import asyncio

from micropython import const

from . import clock, log, loop
from .cold import cold
from .log import crumb_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from .kernel import Kernel
    from .log import Log

_LOOK_UNSET_MS = const(5000)
_DAY_S = const(86400)
_LOOK_MS = const(3600000)  # while the clock is not set
# A clock may be wrong by a few percent when a long sleep ends: a board that wakes early can set it.
_NEAR_MS = const(300000)
# A run that lasts longer than this many periods, and longer than a request may, is cancelled.
_MOST_PERIODS = const(4)
_LONGEST_MS = const(30000)
_ONE_S = const(60)  # a run that ends this shortly before the next time counts for that time too


def next_every(due: int, period: int, now: int) -> int:
    """Return the first of ``due``, ``due + period``, ... that is after ``now``."""
    return due if due > now else now + period - (now - due) % period


def next_daily(at: int, last: int, zone: "Any" = ()) -> int:
    """Return the next run at the time of day ``at`` after one at ``last`` (s since 1970 UTC).

    Every day has one run. If the clock is put back and shows the time twice, the first one counts;
    if the clock skips the time, the moment of the change counts. ``zone`` has pairs of a time and
    the offset from UTC from then on.
    """
    last += _ONE_S
    local = (last // _DAY_S - 2) * _DAY_S + at
    while True:
        due = local
        for start, offset in zone:
            if due < start:
                break  # the offset before this one still counts
            due = max(local - offset, start)
        if due > last:
            return due
        local += _DAY_S


class Job:
    """A method that runs every ``period`` ms, also at the start unless ``period`` is negative."""

    daily = False

    def __init__(self, log: "Log", method: "Callable", period: int) -> None:
        self.log = log
        self.method = method
        self.period = abs(period)
        self.due = 0 if period >= 0 else clock.uptime_ms() - period  # in the schedule's time, ms
        self.running: asyncio.Task | None = None
        self.overruns = 0  # how often it was due again during this run

    def due_ms(self, now: int) -> int:
        """Return the ms until the next run; ``now`` is in the schedule's time."""
        return max(0, self.due - now)

    def begin(self, now: int) -> None:
        """Record that a run begins now."""
        self.due = next_every(self.due, self.period, now)

    async def run(self) -> None:
        """Run once. If the method raises, the error is logged, and it runs again when it is due."""
        loop.work = self
        self.running = asyncio.current_task()
        self.overruns = 0
        self.began = clock.uptime_ms()
        async with loop.Hold():
            from . import port

            port.crumb(crumb_of(3, self.log.name, self.method.__name__))
            try:
                await self.method()
            except Exception as e:
                self.log.exception(e, "scheduled run failed")
            finally:
                self.running = None

    def snapshot(self, now: int) -> int:
        """Return what ``resume`` needs."""
        return self.due - now

    def resume(self, stored: int, passed: int, now: int) -> None:
        """Continue from a ``snapshot`` that was taken ``passed`` ms ago."""
        self.due = stored - passed + now


@cold
def _overrun(job: Job) -> None:
    """Report a run that continues when the next one is due; cancel it after several."""
    job.overruns += 1
    ms = clock.uptime_ms() - job.began
    name = job.method.__name__
    if job.overruns >= _MOST_PERIODS and ms > _LONGEST_MS:
        from .log import incident

        text = "%s is cancelled: it has run for %d ms" % (name, ms)
        incident("deadline", job.log.name, name, text)
        job.running.cancel()  # type: ignore[union-attr]  # only called while it runs
    elif job.overruns == 1:
        job.log.warning("%s still runs after %d ms: this run is left out", name, ms)


class Daily(Job):
    """A method that runs ``at`` s after midnight; ``zone``: see ``next_daily``."""

    daily = True

    def __init__(self, log: "Log", method: "Callable", at: int, zone: "Any" = ()) -> None:
        super().__init__(log, method, 0)
        self.at = at
        self.zone = zone
        self.last = 0  # when it ran last, s since 1970; 0 while the clock is not set
        # ``due``: when it runs next, s since 1970; 0 while it has to be worked out

    def due_ms(self, now: int) -> int:
        """Return the ms until the next run."""
        if not clock.synced():
            return _LOOK_MS
        time = clock.now()
        if not 0 < self.last <= time + _DAY_S:  # not known, or from a clock that was wrong
            self.last = time - _ONE_S - 1  # the next time of day from now on
            self.due = 0
        if not self.due:
            self.due = next_daily(self.at, self.last, self.zone)
        ms = max(0, self.due - time) * 1000
        return ms if ms < _NEAR_MS else ms - (ms >> 4)

    def begin(self, now: int) -> None:
        """Record that a run begins now."""
        self.last = clock.now()
        self.due = 0

    def snapshot(self, now: int) -> int:
        """Return what ``resume`` needs."""
        return self.last

    def resume(self, stored: int, passed: int, now: int) -> None:
        """Continue with what ``snapshot`` returned in an earlier run of the board."""
        self.last = stored
        self.due = 0


class Schedule:
    """All jobs of the board."""

    def __init__(self, jobs: list) -> None:
        self.jobs = jobs
        self._daily = any(job.daily for job in jobs)

    def snapshot(self) -> list:
        """Return what ``resume`` needs, by job."""
        now = clock.uptime_ms()
        return [job.snapshot(now) for job in self.jobs]

    def resume(self, stored: list, passed: int) -> None:
        """Continue with what ``snapshot`` returned ``passed`` ms ago, in an earlier run."""
        now = clock.uptime_ms()
        if len(stored) == len(self.jobs):
            for job, value in zip(self.jobs, stored):
                job.resume(value, passed, now)

    def due_ms(self) -> int:
        """Return the ms until the next run of any job; -1 without a job."""
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
                if job.due_ms(now) == 0:
                    job.begin(now)
                    if job.running:
                        _overrun(job)
                    else:
                        asyncio.create_task(job.run())
            ms = max(1, self.due_ms())
            if self._daily and not clock.synced():
                ms = min(ms, _LOOK_UNSET_MS)
            await asyncio.sleep_ms(ms)


def start(kernel: "Kernel") -> None:
    """Start the jobs of the wiring, except those of services that did not start."""
    jobs = []
    for name, method, period in kernel.cluster.SCHEDULE:
        if name not in kernel.failed:
            service = kernel.services[name]
            jobs.append(Job(service.log, getattr(service, method), period))
    if hasattr(kernel.cluster, "DAILY"):
        kind, daily = kernel.cluster.DAILY  # the class Daily: images without such jobs lack it
        for name, method, at in daily:
            if name not in kernel.failed:
                service = kernel.services[name]
                jobs.append(kind(service.log, getattr(service, method), at, kernel.cluster.ZONE))
    kernel.schedule = Schedule(jobs)
    loop.spawn(log.Log("schedule"), kernel.schedule.run)
