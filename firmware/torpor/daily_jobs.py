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


class Daily(Job):
    """A method that runs ``at`` s after midnight; ``zone``: see ``next_daily``."""

    daily = True

    def __init__(self, log, method, at: int, zone=()) -> None:
        super().__init__(log, method, 0)
        self.at = at
        self.zone = zone
        self.last = 0  # when it ran last, s since 1970; 0 while the clock is not set

    def due_ms(self, now: int) -> int:
        """How far away the next run is, in ms."""
        if not clock.synced():
            return _LOOK_MS
        if not self.last:
            self.last = clock.now() - _DAY_S // 2  # the next time of day from now on
        ms = max(0, next_daily(self.at, self.last, self.zone) - clock.now()) * 1000
        return ms if ms < _NEAR_MS else ms - (ms >> 4)

    def begin(self, now: int) -> None:
        """Note that a run begins now."""
        self.last = clock.now()

    def snapshot(self, now: int) -> int:
        """What ``resume`` needs."""
        return self.last

    def resume(self, stored: int, passed: int, now: int) -> None:
        """Go on with what ``snapshot`` gave in an earlier start of the board."""
        self.last = stored


def made(kernel: "Kernel") -> list:
    """Those of the wiring, but for services that did not start."""
    found = []
    for name, method, at in kernel.cluster.DAILY:
        if name not in kernel.failed:
            service = kernel.services[name]
            found.append(Daily(service.log, getattr(service, method), at, kernel.cluster.ZONE))
    return found
