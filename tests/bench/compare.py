"""Compares figures with older ones.

The noise of a figure is what its rounds show: a change counts only when the rounds of now and those
of then do not overlap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from .results import Figure

Verdict = Literal["worse", "better", "same", "new", "gone"]


@dataclass(frozen=True)
class Change:
    """A figure then and now; one of them is None if it was not measured."""

    then: Figure | None
    now: Figure | None

    @property
    def name(self) -> str:
        figure = self.now or self.then
        assert figure
        return figure.name

    @property
    def verdict(self) -> Verdict:
        if self.now is None:
            return "gone"
        if self.then is None:
            return "new"
        if self.now.low <= self.then.high and self.then.low <= self.now.high:
            return "same"
        grew = self.now.value > self.then.value
        return "better" if grew == (self.now.better == "higher") else "worse"

    @property
    def share(self) -> float | None:
        """The change of the value, as a share of the old one."""
        if self.now is None or self.then is None or not self.then.value:
            return None
        return self.now.value / self.then.value - 1


def compare(then: Sequence[Figure], now: Sequence[Figure]) -> list[Change]:
    """All figures of either side, those of now first."""
    old = {figure.name: figure for figure in then}
    changes = [Change(old.pop(figure.name, None), figure) for figure in now]
    return [*changes, *(Change(figure, None) for figure in old.values())]
