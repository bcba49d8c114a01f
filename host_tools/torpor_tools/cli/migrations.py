"""``torpor migrations``."""

from __future__ import annotations

import click

from ..errors import UserError
from .base import Command, Settings
from .options import at_option
from .output import note, print_table


@click.command(
    cls=Command,
    help="List the migrations of the services, and which of them have been applied to the data on "
    "the board or in the running simulator.",
    arguments=[("SERVICE", "Only this service")],
    examples=[
        ("torpor migrations", "all services"),
        ("torpor migrations readings --at 192.168.1.7", "one service, on a board on the network"),
    ],
)
@click.argument("service", required=False, metavar="[SERVICE]")
@at_option
@click.pass_obj
def command(settings: Settings, service: str | None, at: str | None) -> None:
    from ..board.data.board import opened
    from ..client.find import services_of
    from ..contracts import load_plan
    from ..contracts.lock import read_migrations

    plan = load_plan(settings.root)
    recorded = read_migrations(settings.root)
    rows = []
    for placed in services_of(plan, service).values():
        contract = placed.contract
        if not contract.has_store or service not in (None, placed.name):
            continue
        try:
            with opened(plan, settings.root, placed.name, at) as data:
                state = data.state()
        except UserError as error:
            state = {}
            problem = error.problems[0]
            note(f"{placed.name}: {problem.what}" + (problem.remedy and f"; {problem.remedy}"))
        done = state.get("migrations")
        for number, migration in enumerate(contract.migrations, 1):
            applied = "unknown" if done is None else "applied" if number <= done else "pending"
            released = "yes" if f"{migration.name}.py" in recorded.get(placed.name, {}) else "no"
            rows.append((placed.name, migration.name, applied, released))
        if done is not None and done > len(contract.migrations):
            more = done - len(contract.migrations)
            rows.append((placed.name, f"{more} more that are not here", "applied", "-"))
        if state.get("failed"):
            note(f"{placed.name} did not start: {state['failed']}")
    if rows:
        print_table(("service", "migration", "on the board", "in contracts.lock"), rows)
    else:
        click.echo(f"{service or 'no service'} has no migrations" if service else "no migrations")
