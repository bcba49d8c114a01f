"""Compare figures with those of an older file.

A change counts only if the old rounds and the new ones do not overlap; otherwise it is noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from .results import Figure

Verdict = Literal["worse", "better", "same", "new", "gone"]


@dataclass(frozen=True)
class Change:
    """The old and the new value of a figure; one is None if it was not measured."""

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
        increased = self.now.value > self.then.value
        return "better" if increased == (self.now.better == "higher") else "worse"

    @property
    def share(self) -> float | None:
        """The relative change of the value; None if one is missing or the old one is 0."""
        if self.now is None or self.then is None or not self.then.value:
            return None
        return self.now.value / self.then.value - 1


def compare(then: Sequence[Figure], now: Sequence[Figure]) -> list[Change]:
    """Return the changes of all figures: those of ``now`` in order, then those that are gone."""
    old = {figure.name: figure for figure in then}
    changes = [Change(old.pop(figure.name, None), figure) for figure in now]
    return [*changes, *(Change(figure, None) for figure in old.values())]
