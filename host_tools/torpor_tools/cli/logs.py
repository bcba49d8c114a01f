"""``torpor logs``."""

from __future__ import annotations

import click

from .base import Command
from .target import BOARD, on_device


@click.command(
    cls=Command,
    extra="board",
    help="Print what a board logs on its USB, until Ctrl-C. The board keeps running.",
    arguments=[BOARD],
    examples=[
        ("torpor logs", "the only board on USB"),
        ("torpor logs --port /dev/ttyACM1", "one of several"),
    ],
)
@on_device
def command(device: str) -> None:
    from ..board.deploy.health import lines
    from ..board.flash import line

    line.check(device)
    for text in lines(device, lambda: False):
        click.echo(text)
