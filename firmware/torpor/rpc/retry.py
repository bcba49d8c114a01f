"""The retry policy and the circuit breaker of calls to a board; no sockets here."""

from random import getrandbits

from micropython import const

from .. import clock

# Whether a call that may have been executed can be sent again.
NEVER = const(0)
SAFE = const(1)  # it changes nothing
KNOWN = const(2)  # it has an idempotency key, by which the board recognizes it

_ATTEMPTS = const(3)
_FIRST_MS = const(40)
_MOST_MS = const(640)
_TRIPS = const(3)  # failures in a row that open the breaker
_SHORT_MS = const(500)
_LONG_MS = const(5000)


class Lost(Exception):
    """A call without a response: the reason, and whether the board may have executed it."""

    def __init__(self, reason: str, sent: bool, late: bool = False) -> None:
        self.reason = reason
        self.sent = sent
        self.late = late  # whether it ran out of time


def jitter(ms: int) -> int:
    """Return between half of ``ms`` and all of it, so that boards do not retry at the same time."""
    return ms - ms * getrandbits(8) // 512


def pause(lost: Lost, policy: int, attempt: int, starting: bool, left: int) -> int:
    """Return the ms to wait before attempt number ``attempt`` (1 is the second); -1: give up.

    ``starting``: the board has not responded since this one started, so it may still be starting
    as well, and has time until the deadline. ``left``: ms until then.
    """
    if lost.late or (lost.sent and policy == NEVER):
        return -1
    if attempt >= _ATTEMPTS and not (starting and not lost.sent):
        return -1
    ms = jitter(min(_FIRST_MS << min(attempt, 8), _MOST_MS))
    return ms if ms < left else -1


class Breaker:
    """Stops calls to a board that fails repeatedly.

    Closed: calls pass. Open, after three failures in a row: no call passes, for half a second at
    first and up to five. Then one call passes and decides: its success closes the breaker, its
    failure keeps it open for longer.
    """

    def __init__(self) -> None:
        self.failures = 0
        self._since = 0
        self._ms = 0

    def closed(self) -> bool:
        """Return whether calls pass."""
        return self.failures < _TRIPS

    def allows(self) -> bool:
        """Return whether this call passes. While open, one call after each pause does."""
        if self.failures < _TRIPS:
            return True
        if clock.since(self._since) < self._ms:
            return False
        self._since = clock.ticks()
        return True

    def failed(self) -> None:
        self.failures += 1
        if self.failures >= _TRIPS:
            self._since = clock.ticks()
            self._ms = jitter(min(_SHORT_MS << min(self.failures - _TRIPS, 8), _LONG_MS))

    def succeeded(self) -> None:
        self.failures = 0
