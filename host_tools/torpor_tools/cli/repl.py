"""``torpor repl``."""

from __future__ import annotations

import os
import subprocess
import sys

import click

from .base import Command
from .target import BOARD, on_device


@click.command(
    cls=Command,
    extra="board",
    help="Talk to a board's Python, with mpremote's terminal. Ctrl-C there stops the services, "
    "Ctrl-D starts them again, Ctrl-] leaves.",
    arguments=[BOARD],
    examples=[("torpor repl", "the only board on USB")],
)
@on_device
def command(device: str) -> None:
    from ..board.flash import line

    line.check(device)
    click.echo(
        f"Connected to {device}. Ctrl-C stops the services, Ctrl-D starts them, Ctrl-] leaves."
    )
    sys.stdout.flush()
    words = [sys.executable, "-m", "mpremote", "connect", device, "resume", "repl"]
    if os.name == "posix":
        os.execv(sys.executable, words)
    # On Windows execv() would return to the shell immediately, with both at the terminal.
    sys.exit(subprocess.run(words, check=False).returncode)
