"""The list of figures: a function each, found in ``figures/<topic>.py``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from tests.bench.lab import Lab
from tests.bench.results import Better, Figure

Measure = Callable[[Lab], "float | Sequence[float]"]


@dataclass(frozen=True)
class Entry:
    """A figure that can be measured."""

    name: str
    unit: str
    goal: float | None
    better: Better
    function: Measure

    def measure(self, lab: Lab) -> Figure:
        """Measure it: one value a round, or a single one if nothing about it can vary."""
        found = self.function(lab)
        rounds = [found] if isinstance(found, int | float) else list(found)
        return Figure.of(self.name, rounds, self.unit, self.goal, self.better)


_entries: dict[str, Entry] = {}


def figure(
    name: str, *, unit: str, goal: float | None, better: Better
) -> Callable[[Measure], Measure]:
    """Register a function as the figure ``name``; ``goal`` None: it is only watched.

    The function gets the ``Lab`` and returns a value for each of ``lab.rounds`` rounds, or one
    number if nothing about it can vary, such as a size.
    """

    def register(function: Measure) -> Measure:
        if name in _entries:
            raise ValueError(f"two figures are called {name}")
        _entries[name] = Entry(name, unit, goal, better, function)
        return function

    return register


def entries() -> list[Entry]:
    """All figures, in the order of their files and in these of the source."""
    for path in sorted((Path(__file__).parent / "figures").glob("[a-z]*.py")):
        import_module(f"tests.bench.figures.{path.stem}")
    return list(_entries.values())
