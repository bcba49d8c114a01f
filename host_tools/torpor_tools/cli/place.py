"""``torpor place``."""

from __future__ import annotations

from pathlib import Path

import click

from ..errors import UserError, fail
from ..model.plan import Plan
from ..topology.record import Record
from ..topology.solve import Placement
from .base import FILE, Command, Settings
from .output import busy, note, print_table
from .plan import total


@click.command(
    cls=Command,
    help="Propose the placement with the fewest calls over the network that fits the boards: "
    "listeners, connections, flash and, with a recorded run, heap. A service that imports machine "
    "or a driver stays on its board.",
    arguments=[("RECORD", "A recorded run (torpor sim --record; default: read the sources)")],
    examples=[
        ("torpor place run.json", "using the calls of a recorded run"),
        ("torpor place run.json --fix alerts=barn", "keep alerts on barn"),
        ("torpor place run.json --free sensors", "let sensors move, with its wires"),
    ],
)
@click.argument("record", type=FILE, required=False)
@click.option("--fix", multiple=True, metavar="SERVICE=BOARD", help="Keep a service on a board.")
@click.option("--free", multiple=True, metavar="SERVICE", help="Allow a hardware service to move.")
@click.pass_obj
def command(
    settings: Settings, record: Path | None, fix: tuple[str, ...], free: tuple[str, ...]
) -> None:
    from ..contracts import plan_of, read_placed
    from ..project import load_cluster
    from ..topology.change import moved
    from ..topology.propose import propose
    from ..topology.record import read_record
    from .plan import split_move

    cluster = load_cluster(settings.root)
    fixed = dict(split_move(text) for text in fix)
    moved(cluster, fixed)  # whose names are right
    plan, problems = read_placed(cluster)
    run = read_record(record) if record else None
    with busy("Searching"):
        cache = settings.root / "build" / ".cache" / "mpy"
        found = propose(plan, run, fixed, free, cache)
    if found is None:
        if problems:
            raise UserError(problems)
        raise fail(
            "no placement fits the boards",
            "add a board to cluster.toml, or let services move: --free SERVICE",
        )
    plan_of(moved(cluster, found.homes))
    _show(plan, found, run)


def _show(plan: Plan, found: Placement, run: Record | None) -> None:
    from ..topology import compare

    rows = []
    for name, board in sorted(found.homes.items()):
        now = ", ".join(home.name for home in plan.homes(name))
        rows.append((name, now, board if board != now else "stays"))
    print_table(("service", "now on", "better on"), rows)
    there = compare.traffic(plan, run)
    click.echo(f"\n{found.cost:,} of {total(there, run)} use the network, now {there.remote:,}")
    if not found.is_best:
        note("the search was cut short: there may be a better one")
    if any(better != "stays" for _, _, better in rows):
        click.echo("\nIn cluster.toml:")
        for entry in plan.cluster.boards:
            services = [name for name, board in found.homes.items() if board == entry.name]
            listed = ", ".join(f'"{name}"' for name in services)
            click.echo(f"  [boards.{entry.name}]\n  services = [{listed}]")
