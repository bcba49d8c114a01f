"""The file ``build/bench.json``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Literal

from torpor_tools.errors import fail

Better = Literal["lower", "higher"]


@dataclass(frozen=True)
class Figure:
    """A measurement: the median of the rounds, and their range."""

    name: str
    value: float
    unit: str
    goal: float | None  # None: the figure is only recorded
    better: Better
    low: float  # the lowest and the highest round
    high: float

    @classmethod
    def of(
        cls, name: str, rounds: Sequence[float], unit: str, goal: float | None, better: Better
    ) -> Figure:
        """Return the figure with these rounds."""
        return cls(name, median(rounds), unit, goal, better, min(rounds), max(rounds))

    @property
    def met(self) -> bool | None:
        """Whether the figure meets its goal; None if there is none."""
        if self.goal is None:
            return None
        return self.value <= self.goal if self.better == "lower" else self.value >= self.goal


def write(path: Path, figures: Sequence[Figure]) -> None:
    """Write the figures to a file."""
    rows = [
        {
            "name": f.name,
            "value": f.value,
            "unit": f.unit,
            "goal": f.goal,
            "better": f.better,
            "met": f.met,
            "spread": [f.low, f.high],
        }
        for f in figures
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"figures": rows}, indent=2) + "\n", encoding="utf-8")


def read(path: Path) -> list[Figure]:
    """Return the figures of a file. Raises ``UserError`` if it is missing or of another kind."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["figures"]
        return [
            Figure(r["name"], r["value"], r["unit"], r["goal"], r["better"], *r["spread"])
            for r in rows
        ]
    except FileNotFoundError:
        raise fail(f"there is no {path}", "measure first: make bench") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise fail(
            f"{path} does not hold figures of make bench: {error!r}",
            "name a bench.json that make bench wrote",
        ) from None
