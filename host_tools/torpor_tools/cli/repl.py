"""``torpor repl``."""

from __future__ import annotations

import os
import sys

import click

from .base import Command, Settings
from .target import BOARD, any_device, port_option


@click.command(
    cls=Command,
    help="Talk to a board's Python, with mpremote's terminal. Ctrl-C there stops the services, "
    "Ctrl-D starts them again, Ctrl-] leaves.",
    arguments=[BOARD],
    examples=[("torpor repl", "the only board on USB")],
)
@click.argument("board", required=False)
@port_option
@click.pass_obj
def command(settings: Settings, board: str | None, port: str | None) -> None:
    from ..flash import line

    device = any_device(settings, board, port)
    line.check(device)
    click.echo(
        f"Connected to {device}. Ctrl-C stops the services, Ctrl-D starts them, Ctrl-] leaves."
    )
    sys.stdout.flush()
    words = [sys.executable, "-m", "mpremote", "connect", device, "resume", "repl"]
    os.execv(sys.executable, words)
