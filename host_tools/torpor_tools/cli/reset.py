"""``torpor reset``."""

from __future__ import annotations

import time

import click

from .base import Command
from .target import BOARD, on_device

_LEAVE_S = 0.2  # until the bytes have left this computer


@click.command(
    cls=Command,
    extra="board",
    help="Reset a board over its USB, as its reset button does. (A production image has no REPL "
    "that could be asked: press the button.)",
    arguments=[BOARD],
    examples=[("torpor reset", "the only board on USB")],
)
@on_device
def command(device: str) -> None:
    from ..board.deploy.repl import MpremoteLink

    link = MpremoteLink(device)
    link.reset()
    time.sleep(_LEAVE_S)
    link.close()
    click.echo(f"the board on {device} starts again; torpor logs shows how")
