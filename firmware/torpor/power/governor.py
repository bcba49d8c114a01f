"""Decide what a board does when nothing is runnable: state in, decision out. No I/O, no clock."""

from micropython import const

# The decisions. ``State.ms`` says for how long.
WAIT = const(0)  # wait for an interrupt, radio on, at most ms (-1: no limit)
LIGHT = const(1)  # stop for ms; only the timer ends it
DOZE = const(2)  # stop until a packet comes
CLOSE = const(3)  # announce that the board sleeps now, for ms (-1: no limit)
DEEP = const(4)  # off for ms (-1: no limit)

_SLICE_MS = const(200)  # a packet waits at most this long for a board that dozes under a timer
_WORTH_MS = const(20)  # a shorter doze uses more energy than it saves
# A deep sleep ends in a start, which costs a few seconds at full current.
_SHORTEST_MS = const(5000)
_LONGEST_MS = const(86400000)  # a job that is not due for a day is checked again then
_RETRY_MS = const(600000)  # until a service that did not start is tried again


class Policy:
    """``[boards.<name>.power]`` of ``cluster.toml``; see ``docs/power.md``."""

    def __init__(self, mode: str, linger_ms: int, wake_every_ms: int, wifi_ms: int) -> None:
        self.mode = mode
        self.linger_ms = linger_ms
        self.wake_every_ms = wake_every_ms  # -1: only for schedules and pins
        self.wifi_ms = wifi_ms


class State:
    """The input of the decision; one object, filled again each time."""

    next_ms = -1  # the event loop's next timer, -1: none
    holds = 0  # how many need the board awake: services, jobs that run
    open = 0  # connections
    serving = 0  # connections with a request that is being served
    quiet_ms = 0  # since the last request ended, or since the start
    served = False  # whether a request came since this start, or a person caused the start
    busy_ms = 0  # how long the work sources want to stay awake
    joined = False  # Wi-Fi
    joining = False
    up_ms = 0  # since the start
    due_ms = -1  # until the next scheduled run, -1: none
    failed = False  # whether a service did not start: its jobs and pins wake no board
    closed = False  # whether CLOSE is done
    ms = -1  # the decision's duration


def decide(policy: Policy, s: State) -> int:
    """Return the decision for this idle point; its duration is in ``s.ms``."""
    stay = _stay(policy, s)
    if stay:
        s.ms = _sooner(s.next_ms, stay)
        return WAIT
    if policy.mode == "doze":
        return _doze(s)
    s.ms = _deep_ms(policy, s)
    if 0 <= s.ms < _SHORTEST_MS:
        s.ms = _sooner(s.next_ms, s.ms)
        return WAIT
    return DEEP if s.closed else CLOSE


def _stay(policy: Policy, s: State) -> int:
    """Return for how many ms the board must stay awake; -1: until something changes."""
    if s.holds or s.serving:
        return -1
    if policy.mode == "doze":
        if s.joining:
            return -1
    else:
        if not s.joined and s.up_ms < policy.wifi_ms:
            return policy.wifi_ms - s.up_ms
        if s.joined and s.busy_ms:
            return s.busy_ms
    if s.served and s.quiet_ms < policy.linger_ms:
        return policy.linger_ms - s.quiet_ms
    return 0


def _doze(s: State) -> int:
    if s.open and not s.closed:
        s.ms = -1
        return CLOSE
    if s.open or 0 <= s.next_ms < _WORTH_MS:
        s.ms = s.next_ms
        return WAIT
    if s.next_ms < 0:
        s.ms = -1
        return DOZE
    s.ms = min(s.next_ms, _SLICE_MS)
    return LIGHT


def _deep_ms(policy: Policy, s: State) -> int:
    """Return the ms to sleep: until the next scheduled run, or the next check for requests."""
    ms = s.due_ms
    if policy.wake_every_ms >= 0:
        # Counted from the start, so that the time awake does not delay the next wake.
        ms = _sooner(ms, max(policy.wake_every_ms - s.up_ms, _SHORTEST_MS))
    if s.failed:
        ms = _sooner(ms, _RETRY_MS)
    return _sooner(ms, _LONGEST_MS) if ms >= 0 else -1


def _sooner(a: int, b: int) -> int:
    """Return the smaller of two times, where -1 means never."""
    if a < 0 or b < 0:
        return max(a, b)
    return min(a, b)
