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
    """A measurement: the median of the rounds, and how far they are apart."""

    name: str
    value: float
    unit: str
    goal: float | None  # None: there is no goal, the figure is only watched
    better: Better
    low: float  # of all rounds
    high: float

    @classmethod
    def of(
        cls, name: str, rounds: Sequence[float], unit: str, goal: float | None, better: Better
    ) -> Figure:
        return cls(name, median(rounds), unit, goal, better, min(rounds), max(rounds))

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; None if there is none."""
        if self.goal is None:
            return None
        return self.value <= self.goal if self.better == "lower" else self.value >= self.goal


def write(path: Path, figures: Sequence[Figure]) -> None:
    """Replace the file."""
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
    """The figures of a file. Raises ``UserError`` if it is missing or another kind of file."""
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
