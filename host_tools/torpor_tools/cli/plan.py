"""``torpor plan``."""

from __future__ import annotations

from pathlib import Path

import click

from ..errors import fail
from ..suggest import counted
from ..topology.compare import BoardChange, Traffic
from ..topology.record import Record
from .base import FILE, Command, Settings
from .output import busy, print_table


@click.command(
    cls=Command,
    help="Show what a placement would rebuild and how many calls would use the network. Nothing "
    "is changed. Without arguments: cluster.toml as it is, compared with the last build.",
    arguments=[("SERVICE=BOARD", "Try out this service on that board")],
    examples=[
        ("torpor plan", "what differs from what was built last"),
        ("torpor plan readings=barn alerts=barn", "try out a placement"),
        ("torpor plan readings=barn --record run.json", "with the calls of a recorded run"),
    ],
)
@click.argument("moves", nargs=-1, metavar="[SERVICE=BOARD...]")
@click.option(
    "--record", type=FILE, metavar="FILE", help="Count the calls of a run (torpor sim --record)."
)
@click.pass_obj
def command(settings: Settings, moves: tuple[str, ...], record: Path | None) -> None:
    from ..contracts import plan_of
    from ..project import load_cluster
    from ..topology import compare
    from ..topology.change import moved
    from ..topology.record import read_record

    out = settings.root / "build"
    cluster = load_cluster(settings.root)
    homes = dict(split_move(text) for text in moves)
    now = plan_of(cluster)
    then = plan_of(moved(cluster, homes)) if homes else now
    run = read_record(record) if record else None
    with busy("Linking both"):
        cache = out / ".cache" / "mpy"
        before = compare.images(now, cache) if homes else compare.built(now, out)
        after = compare.images(then, cache)
    _show_boards(compare.changes(before, after), out if not homes else None)
    there = compare.traffic(then, run)
    line = f"{there.remote:,} of {total(there, run)} use the network"
    if homes:
        line += f", now {compare.traffic(now, run).remote:,}"
    click.echo(f"\n{line}")


def total(traffic: Traffic, run: Record | None) -> str:
    """The known traffic: calls of a recorded run, or pairs of methods."""
    if run is None:
        return f"{counted(traffic.total, 'pair')} of methods"
    return f"{counted(traffic.total, 'call')} in {run.seconds:g} s"


def split_move(text: str) -> tuple[str, str]:
    """Service and board of ``SERVICE=BOARD``. Raises ``UserError``."""
    service, equals, board = text.partition("=")
    if not (service and equals and board):
        raise fail(f"{text} is not a placement", "write SERVICE=BOARD, for example readings=barn")
    return service, board


def _show_boards(changes: list[BoardChange], built: Path | None) -> None:
    rows = []
    for change in changes:
        state, size = "stays as it is", ""
        if built and not (built / change.board / "fs").is_dir():
            state = "is built for the first time"
        elif not change.after:
            state = "runs no services"
        elif change.is_rebuilt:
            state = f"is rebuilt: {counted(change.files, 'file')} changed"
            size = f"{change.growth:+,} bytes"
        rows.append((change.board, state, size))
    print_table((), rows, "llr")
