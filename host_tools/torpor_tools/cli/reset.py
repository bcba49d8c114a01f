"""``torpor reset``."""

from __future__ import annotations

import time

import click

from .base import Command, Settings
from .target import BOARD, any_device, port_option

_LEAVE_S = 0.2  # until the bytes have left this computer


@click.command(
    cls=Command,
    help="Reset a board over its USB, as its reset button does. (A production image has no REPL "
    "that could be asked: press the button.)",
    arguments=[BOARD],
    examples=[("torpor reset", "the only board on USB")],
)
@click.argument("board", required=False)
@port_option
@click.pass_obj
def command(settings: Settings, board: str | None, port: str | None) -> None:
    from ..deploy.link import MpremoteLink

    device = any_device(settings, board, port)
    link = MpremoteLink(device)
    link.reset()
    time.sleep(_LEAVE_S)
    link.close()
    click.echo(f"the board on {device} starts again; torpor logs shows how")
