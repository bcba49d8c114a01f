"""``torpor logs``."""

from __future__ import annotations

import click

from .base import Command, Settings
from .target import BOARD, any_device, port_option


@click.command(
    cls=Command,
    help="Print what a board logs on its USB, until Ctrl-C. The board runs on undisturbed.",
    arguments=[BOARD],
    examples=[
        ("torpor logs", "the only board on USB"),
        ("torpor logs --port /dev/ttyACM1", "one of several"),
    ],
)
@click.argument("board", required=False)
@port_option
@click.pass_obj
def command(settings: Settings, board: str | None, port: str | None) -> None:
    from ..deploy.health import lines
    from ..flash import line

    device = any_device(settings, board, port)
    line.check(device)
    for text in lines(device, lambda: False):
        click.echo(text)
