"""A run of a board that ended unexpectedly."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import dataclass

from torpor_tools.errors import fail

from .lines import LogLine

_BACKOFF_S = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_SOUND_S = 10.0  # a run that lasted this long did not crash at start
_MOST_BITES = 3  # of the watchdog in a row: the next start is in safe mode
_TRACEBACK = "Traceback (most recent call last):"


@dataclass(frozen=True)
class Crash:
    """``start`` counts the board's starts from 1; ``bitten``: its watchdog has reset it."""

    start: int
    reason: str
    ran_s: float
    traceback: tuple[str, ...] = ()
    bitten: bool = False

    def __str__(self) -> str:
        return "\n".join((self.reason, *self.traceback))


def backoff(crashes: Sequence[Crash]) -> float:
    """Seconds until the restart after these crashes: more after several short runs in a row."""
    short = 0
    for crash in reversed(crashes):
        if crash.ran_s > _SOUND_S or (short and crash.start != crashes[-short].start - 1):
            break
        short += 1
    return _BACKOFF_S[min(max(short - 1, 0), len(_BACKOFF_S) - 1)]


def watchdog_resets(board: str, crashes: Sequence[Crash], start: int) -> int:
    """Return how many runs from ``start`` on were ended by the board's watchdog.

    Raises ``UserError`` if a run crashed in another way, or the watchdog has reset it too often.
    """
    bites = 0
    for crash in crashes:
        if crash.start >= start:
            bites += crash.bitten
            if not crash.bitten or bites > _MOST_BITES:
                raise fail(
                    f"board {board} crashed before it was ready: {crash}",
                    "its log shows what it was doing",
                )
    return bites


def last_traceback(lines: Sequence[LogLine]) -> tuple[str, ...]:
    """The last traceback that was printed outside the log."""
    printed = [line.text for line in lines if not line.level]
    if _TRACEBACK not in printed:
        return ()
    last = len(printed) - 1 - printed[::-1].index(_TRACEBACK)
    return tuple(printed[last:])


def reason(status: int, traceback: Sequence[str]) -> str:
    """Return why a process ended, in one line."""
    if status < 0:
        return f"ended by {signal.Signals(-status).name}"
    if traceback:
        return traceback[-1]
    if status:
        return f"exit status {status}"
    return "main.py ended (a chip would show its prompt and serve nothing)"
