"""Turn states and their durations into charge and current."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..errors import fail
from ..model.board import Board

DATASHEET = "currents are datasheet figures of the bare chip, not measured on a board"


@dataclass(frozen=True)
class Span:
    """A state (a key of ``[currents_ma]``) from ``start`` to ``end``, in ms."""

    state: str
    start: float
    end: float


@dataclass(frozen=True)
class Energy:
    """The time in each state (ms) and the current there (mA)."""

    ms: Mapping[str, float]
    currents_ma: Mapping[str, float]

    @property
    def total_ms(self) -> float:
        return sum(self.ms.values())

    @property
    def average_ma(self) -> float:
        """The mean current; 0 if no time has passed."""
        charge = sum(ms * self.currents_ma[state] for state, ms in self.ms.items())
        return charge / self.total_ms if self.total_ms else 0.0

    @property
    def mah_per_day(self) -> float:
        return 24 * self.average_ma

    def battery_days(self, capacity_mah: float) -> float:
        """The life of a battery, without its self-discharge."""
        return capacity_mah / self.mah_per_day if self.mah_per_day else float("inf")


def measure(spans: Iterable[Span], currents_ma: Mapping[str, float]) -> Energy:
    """Add the spans up. Raises ``UserError`` for a state whose current is not known."""
    total: dict[str, float] = {}
    for span in spans:
        total[span.state] = total.get(span.state, 0.0) + span.end - span.start
    for state in total:
        if state not in currents_ma:
            known = ", ".join(currents_ma) or "none"
            raise fail(
                f'the current in the state "{state}" is not known (known: {known})',
                "add it to [currents_ma] of the board's file in boards/",
            )
    return Energy(total, {state: currents_ma[state] for state in total})


def sleep_state(board: Board, radio_on: bool) -> str:
    """The state of light sleep: with the radio on it is what the board file calls doze."""
    if radio_on and "doze" in board.currents_ma:
        return "doze"
    return "light" if "light" in board.currents_ma else "deep"
