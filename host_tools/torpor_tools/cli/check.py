"""``torpor check``."""

from __future__ import annotations

import click

from ..errors import UserError
from ..suggest import counted
from .base import Command, Settings
from .options import types_option
from .output import busy, note


@click.command(
    cls=Command,
    help="Find mistakes in cluster.toml and the services: contracts, placement, syntax, types.",
    examples=[
        ("torpor check", "everything"),
        ("torpor check --no-types", "without mypy, much faster"),
    ],
)
@types_option
@click.pass_obj
def command(settings: Settings, types: bool) -> None:
    from ..contracts.promises import unrecorded
    from ..link import check, missing_secrets, without_wifi

    with busy("Checking"):
        plan, problems = check(settings.root, types=types)
    if problems:
        raise UserError(problems)
    for text in (*plan.notes, *unrecorded(plan)):
        note(text)
    for problem in missing_secrets(plan):
        note(f"torpor build also needs: {problem}")
    for text in without_wifi(settings.root, plan.boards):
        note(text)
    services = sum(len(board.services) for board in plan.boards)
    boards = counted(len(plan.boards), "board")
    click.echo(f"no mistakes in {counted(services, 'service')} on {boards}")
