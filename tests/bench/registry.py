"""The list of figures: one function per figure, in ``figures/<topic>.py``."""

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
        """Measure the figure: one value per round, or a single one if it cannot vary."""
        measured = self.function(lab)
        rounds = [measured] if isinstance(measured, int | float) else list(measured)
        return Figure.of(self.name, rounds, self.unit, self.goal, self.better)


_entries: dict[str, Entry] = {}


def figure(
    name: str, *, unit: str, goal: float | None, better: Better
) -> Callable[[Measure], Measure]:
    """Register a function as the figure ``name``; with ``goal=None`` it is only recorded.

    The function gets the ``Lab``. It returns one value for each of ``lab.rounds`` rounds, or a
    single number if the figure cannot vary, such as a size.
    """

    def register(function: Measure) -> Measure:
        if name in _entries:
            raise ValueError(f"two figures are named {name}")
        _entries[name] = Entry(name, unit, goal, better, function)
        return function

    return register


def entries() -> list[Entry]:
    """Return all figures, sorted by file, and in the order of the source within a file."""
    for path in sorted((Path(__file__).parent / "figures").glob("[a-z]*.py")):
        import_module(f"tests.bench.figures.{path.stem}")
    return list(_entries.values())
