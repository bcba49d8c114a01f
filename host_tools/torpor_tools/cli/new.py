"""``torpor new``."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from .base import Command, Group, Settings
from .output import show_files
from .scaffold import write_service


@click.group(cls=Group, help="Add something to the cluster.")
def command() -> None:
    pass


@command.command(
    "service",
    cls=Command,
    short_help="A small working service with a test",
    help="Write a small working service with a test, and give it a port and a board.",
    arguments=[("NAME", "The service's name and folder: lower-case letters, digits and _")],
    examples=[
        ("torpor new service door_lock", "on the first board of cluster.toml"),
        ("torpor new service siren --board gate", "on another one"),
    ],
)
@click.argument("name")
@click.option("--board", metavar="BOARD", help="The board to run it on (default: the first).")
@click.pass_obj
def service(settings: Settings, name: str, board: str | None) -> None:
    show_files(settings.root, write_service(settings.root, name, board))
    here = settings.folder == Path.cwd()
    there = "" if here else f" -C {shlex.quote(settings.directory)}"
    tests = settings.shown(settings.root / "services" / name)
    click.echo(f"\nNext: torpor{there} test {shlex.quote(tests)}")
