"""``torpor secrets``."""

from __future__ import annotations

import click

from ..text import read_text
from .base import Command, Group, Settings
from .output import note


@click.group(
    name="secrets",
    cls=Group,
    help="Make and change the key under which the boards of the cluster call each other.",
)
def command() -> None:
    pass


@command.command(
    cls=Command,
    help="Make the cluster's key and put it into secrets.toml, which git must ignore.",
    examples=[("torpor secrets init", "before the first build for several boards")],
)
@click.pass_obj
def init(settings: Settings) -> None:
    from ..client.keys import init
    from ..project.secrets import NAME

    init(settings.root)
    click.echo(f"{NAME} has a key now; anyone who has it can call every method of every service")
    if not _is_ignored(settings):
        note(f"put {NAME} into .gitignore")
    click.echo("next: torpor build")


@command.command(
    cls=Command,
    help="Change the key without interrupting calls between boards.",
    examples=[
        ("torpor secrets rotate", "two keys are valid: build and flash every board, in any order"),
        ("torpor secrets rotate --finish", "drop the old one: build and flash every board again"),
    ],
)
@click.option("--finish", is_flag=True, help="Drop the old key.")
@click.pass_obj
def rotate(settings: Settings, finish: bool) -> None:
    from ..client.keys import finish_rotation, rotate

    if finish:
        finish_rotation(settings.root)
        click.echo("the old key is dropped; next: build and flash every board")
    else:
        rotate(settings.root)
        click.echo("two keys are valid; next: build and flash every board, one by one")
        click.echo("when all are done: torpor secrets rotate --finish")


def _is_ignored(settings: Settings) -> bool:
    path = settings.root / ".gitignore"
    return path.is_file() and "secrets.toml" in read_text(path, path.name).split()
