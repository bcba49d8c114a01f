"""The jobs of ``@daily``; only a board that has some loads this."""

from micropython import const

from . import clock
from .schedule import Job

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .kernel import Kernel

_DAY_S = const(86400)
_LOOK_MS = const(3600000)  # while the clock is not set
# A clock may be wrong by some per cent when a long sleep ends: a board that wakes early can set it.
_NEAR_MS = const(300000)
_ONE_S = const(60)  # so near before its time, a run that was late is that of its time too


def next_daily(at: int, last: int, zone=()) -> int:
    """The next run of the time of day ``at`` after one at ``last`` (s since 1970 UTC).

    Every day has one run: where the clock is put back and shows the time twice, at the first; where
    it jumps over the time, at the jump. ``zone``: from when on which offset from UTC counts.
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


class Daily(Job):
    """A method that runs ``at`` s after midnight; ``zone``: see ``next_daily``."""

    daily = True

    def __init__(self, log, method, at: int, zone=()) -> None:
        super().__init__(log, method, 0)
        self.at = at
        self.zone = zone
        self.last = 0  # when it ran last, s since 1970; 0 while the clock is not set
        # ``due``: when it runs next, s since 1970; 0 while it has to be worked out

    def due_ms(self, now: int) -> int:
        """How far away the next run is, in ms."""
        if not clock.synced():
            return _LOOK_MS
        time = clock.now()
        if not 0 < self.last <= time + _DAY_S:  # not known, or by a clock that was wrong
            self.last = time - _ONE_S - 1  # the next time of day from now on
            self.due = 0
        if not self.due:
            self.due = next_daily(self.at, self.last, self.zone)
        ms = max(0, self.due - time) * 1000
        return ms if ms < _NEAR_MS else ms - (ms >> 4)

    def begin(self, now: int) -> None:
        """Note that a run begins now."""
        self.last = clock.now()
        self.due = 0

    def snapshot(self, now: int) -> int:
        """What ``resume`` needs."""
        return self.last

    def resume(self, stored: int, passed: int, now: int) -> None:
        """Go on with what ``snapshot`` gave in an earlier start of the board."""
        self.last = stored
        self.due = 0


def made(kernel: "Kernel") -> list:
    """Those of the wiring, but for services that did not start."""
    found = []
    for name, method, at in kernel.cluster.DAILY:
        if name not in kernel.failed:
            service = kernel.services[name]
            found.append(Daily(service.log, getattr(service, method), at, kernel.cluster.ZONE))
    return found
