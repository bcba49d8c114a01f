"""``torpor bench``."""

from __future__ import annotations

from pathlib import Path

import click

from ..bench.compare import Change, compare
from ..bench.results import Figure, read
from .base import FILE, Command, Settings
from .output import print_table


@click.command(
    cls=Command,
    help="Show what `make bench` has measured, or what has changed since an older measurement.\n\n"
    "With --compare the exit code is 1 if a figure got worse by more than the noise.",
    examples=[
        ("torpor bench", "the figures in build/bench.json"),
        ("torpor bench --compare old.json", "what got worse since old.json was written"),
    ],
)
@click.option(
    "--compare",
    "old",
    type=FILE,
    metavar="OLD.json",
    help="An older bench.json to hold the figures against.",
)
@click.pass_obj
def command(settings: Settings, old: Path | None) -> int:
    now = read(settings.folder / "build" / "bench.json")
    if old is None:
        show(now)
        return 0
    changes = compare(read(old), now)
    rows = [_changed(change) for change in changes if change.verdict != "same"]
    if rows:
        print_table(("figure", "", "then", "now", "change"), rows, "llrrr")
    same = len(changes) - len(rows)
    click.echo(f"{same} of {len(changes)} figures are the same within the noise")
    return 1 if any(change.verdict == "worse" for change in changes) else 0


def show(figures: list[Figure]) -> None:
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
    """Four digits or all of a whole number: 0.2374, 12.05, 74,210."""
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
