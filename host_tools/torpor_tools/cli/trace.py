"""``torpor trace``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import click

from .base import Command, Settings
from .call import calls_a_method
from .output import note, print_table

_HEADINGS = ("call", "board", "ms", "own ms", "status")


@click.command(
    cls=Command,
    help="Call a method as a peer does, and show the calls that it caused and how long each took. "
    "The boards' images need [traces] in cluster.toml.",
    arguments=[
        ("SERVICE.METHOD", "A method of the service's contract"),
        ("NAME=VALUE", "Its arguments; lists and objects as JSON"),
    ],
    examples=[
        ("torpor trace alerts.open_alerts", "a tree with the time of each hop"),
        ("torpor trace readings.newest fridge=fridge-1 --json", "its spans, for a script"),
    ],
)
@calls_a_method
@click.option("--json", "as_json", is_flag=True, help="Print the spans as JSON.")
@click.pass_obj
def command(
    settings: Settings,
    method: str,
    given: tuple[str, ...],
    at: str | None,
    timeout: float,
    as_json: bool,
) -> None:
    from ..board.live import traces
    from ..client.trace import trace
    from ..contracts import load_plan

    root, missing = trace(
        load_plan(settings.root), settings.root, method, given, at=at, timeout=timeout
    )
    if as_json:
        click.echo(json.dumps({"spans": list(_spans(root))}))
    else:
        print_table(_HEADINGS, list(traces.lines(root)), "  rrr")
    for reason in missing:
        note(reason)


def _spans(span: Any) -> Iterator[dict[str, Any]]:
    fields = ("trace", "id", "parent", "board", "service", "name", "start_us", "us", "status")
    yield {name: getattr(span, name) for name in fields}
    for child in span.children:
        yield from _spans(child)
