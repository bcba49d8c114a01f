"""``torpor top``."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from .base import Command, Settings
from .output import note, print_table
from .target import pick

if TYPE_CHECKING:
    from ..board.live.top import BoardRow, ServiceRow

_HEADINGS = (
    "board", "service", "req/s", "ms", "5xx/s",
    "heap free", "largest", "conn", "dBm", "power", "up",
)  # fmt: skip
_RIGHT = "  rrrrrrr"
_UNCOUNTED = "requests are counted in images with [metrics] in cluster.toml (docs/observability.md)"


@click.command(
    cls=Command,
    help="Show what the boards do now: requests, latency, errors, heap, connections, power. "
    "Refreshed in place until Ctrl-C. The requests to the boards are signed.",
    arguments=[("BOARD", "The boards to show (default: all)")],
    examples=[
        ("torpor top", "all boards, every two seconds"),
        ("torpor top shed --interval 10", "one of them, less often"),
        ("torpor top --once --json", "one measurement for a script"),
    ],
)
@click.argument("boards", nargs=-1, metavar="[BOARD...]")
@click.option(
    "--interval",
    type=click.FloatRange(min=0.1),
    default=2.0,
    metavar="SECONDS",
    help="The time between measurements; rates are means over it (default: 2).",
)
@click.option("--once", is_flag=True, help="Measure over one interval, print it, and exit.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: an object for each measurement.")
@click.pass_obj
def command(
    settings: Settings, boards: tuple[str, ...], interval: float, once: bool, as_json: bool
) -> None:
    from ..board.live.top import Top
    from ..contracts import load_plan

    plan = load_plan(settings.root)
    names = [pick(plan, name) for name in boards] or [board.name for board in plan.boards]
    with Top(settings.root, [plan.board(name) for name in names]) as top:
        top.rows()
        while True:
            time.sleep(interval)
            rows = top.rows()
            if as_json:
                click.echo(json.dumps({"boards": [row.as_json() for row in rows]}))
            else:
                _show(rows, clear=not once and sys.stdout.isatty())
            if once:
                return


def _show(rows: Sequence[BoardRow], *, clear: bool) -> None:
    if clear:
        click.clear()
    print_table(_HEADINGS, [line for row in rows for line in _lines(row)], _RIGHT)
    for row in rows:
        if row.reason:
            note(row.reason)
    if any(row.reached and not row.counts_requests for row in rows):
        note(_UNCOUNTED)


def _lines(row: BoardRow) -> list[tuple[str, ...]]:
    """The lines of a board; the first has the figures of the board itself."""
    if not row.reached:
        return [(row.name, "not reached", *[""] * 7, row.power, "")]
    board = (
        _number(row.heap_free),
        _number(row.heap_largest),
        f"{row.connections}/{row.slots}",
        _number(row.rssi_dbm),
        row.power,
        _duration(row.uptime_s or 0),
    )
    lines = []
    for index, service in enumerate(row.services):
        own = board if index == 0 else ("",) * len(board)
        lines.append((row.name if index == 0 else "", *_of_service(service), *own))
    return lines


def _of_service(service: ServiceRow) -> tuple[str, ...]:
    if service.failed:
        return service.name, "failed", "", ""
    rates = (service.requests_per_s, service.latency_ms, service.errors_per_s)
    return service.name, *(_number(value) for value in rates)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,}"


def _duration(seconds: int) -> str:
    """``3d 4h``, ``4h 5m``, ``5m 6s``."""
    days, hours, minutes = seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60
    if days:
        return f"{days}d {hours}h"
    return f"{hours}h {minutes}m" if hours else f"{minutes}m {seconds % 60}s"
