"""Resets: the cause that is reported afterwards, and the memory that is kept."""

from __future__ import annotations

from collections.abc import Callable

from ..fact import AtLeast, Fact, Subject, key, no_less

ENDINGS = {
    "reset": "machine.reset()",
    "watchdog": "the watchdog",
    "deepsleep": "machine.deepsleep()",
}
"""The ways to end a run, as ``firmware/doctor/resets.py`` names them, and their titles."""

SLEEP_MS = 2000
"""How long the doctor has the board sleep."""

_TABLE = "{port}: resets"
_WAKES_EARLY = "its USB ends the sleep at once"


def facts() -> list[Fact]:
    """All facts about resets; the board starts three times."""
    return [
        Fact(
            "longest time-out of the watchdog (ms)",
            "watchdog_limit",
            _TABLE,
            lambda subject: subject.port.resets and subject.port.resets.watchdog_ms,
            key("longest_ms"),
        ),
        *(fact for ending in ENDINGS for fact in _after(ending)),
        Fact(
            f"ms of a deep sleep of {SLEEP_MS}",
            "deepsleep",
            _TABLE,
            lambda subject: AtLeast(SLEEP_MS) if subject.port.resets else None,
            key("away_ms"),
            no_less,
            emulator=_WAKES_EARLY,
        ),
    ]


def _after(ending: str) -> list[Fact]:
    title = ENDINGS[ending]
    return [
        Fact(f"reset_cause() after {title}", ending, _TABLE, _cause(ending), key("cause")),
        Fact(
            f"memory is kept over {title}",
            ending,
            "firmware/ports/README.md",
            lambda subject: True if subject.port.resets else None,
            key("kept"),
        ),
    ]


def _cause(ending: str) -> Callable[[Subject], str | None]:
    return lambda subject: getattr(subject.port.resets, ending, None)
