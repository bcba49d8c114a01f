"""Tables of figures, and of their changes since an older file."""

from __future__ import annotations

from collections.abc import Sequence

from tests.bench.compare import Change, compare
from tests.bench.results import Figure
from torpor_tools.cli.output import print_table


def show_changes(then: Sequence[Figure], now: Sequence[Figure]) -> bool:
    """Print the changes that exceed the noise.

    Returns:
        Whether no figure got worse.
    """
    changes = compare(then, now)
    rows = [_changed(change) for change in changes if change.verdict != "same"]
    if rows:
        print_table(("figure", "", "then", "now", "change"), rows, "llrrr")
    same = len(changes) - len(rows)
    print(f"{same} of {len(changes)} figures are the same within the noise")
    return not any(change.verdict == "worse" for change in changes)


def show(figures: Sequence[Figure]) -> None:
    """Print the figures with their goals."""
    rows = [
        (
            f.name,
            number(f.value),
            f"{number(f.low)} to {number(f.high)}" if f.high > f.low else "",
            f.unit,
            "" if f.goal is None else f"{'<=' if f.better == 'lower' else '>='} {number(f.goal)}",
            {True: "met", False: "MISSED", None: ""}[f.met],
        )
        for f in figures
    ]
    print_table(("figure", "median", "rounds", "unit", "goal", ""), rows, "lrrlrl")


def number(value: float) -> str:
    """Format a number with four digits, a whole one with all: 0.2374, 12.05, 74,210."""
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def _changed(change: Change) -> tuple[str, str, str, str, str]:
    return (
        change.name,
        change.verdict,
        number(change.then.value) if change.then else "",
        number(change.now.value) if change.now else "",
        "" if change.share is None else f"{change.share:+.1%}",
    )
