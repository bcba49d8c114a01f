"""``torpor init``."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from .base import FOLDER, Command, Settings
from .output import show_files
from .scaffold import write_project, write_service


@click.command(
    cls=Command,
    help="Start a cluster project in DIR: one board, one service, and its test.",
    arguments=[
        ("DIR", "The cluster's folder, created if necessary; its name becomes the cluster's")
    ],
    examples=[
        ("torpor init greenhouse", "a project for a Pico W"),
        ("torpor init greenhouse --board ESP32_GENERIC", "another board type"),
        ("torpor init .", "in this folder; existing files stay"),
    ],
)
@click.argument("dir", type=FOLDER)
@click.option(
    "--board",
    default="RPI_PICO_W",
    metavar="TYPE",
    show_default=True,
    help="The board type (see: torpor boards).",
)
@click.pass_obj
def command(settings: Settings, dir: Path, board: str) -> None:
    from ..project import load_board

    load_board(board)
    folder = dir.resolve()
    written = write_project(folder, folder.name, board)
    written += write_service(folder, "hello")
    show_files(folder, written[:-1])
    started = Path.cwd()
    near = folder.relative_to(started) if folder.is_relative_to(started) else folder
    here = "" if folder == started else f" -C {shlex.quote(str(near))}"
    click.echo(f"\nNext: torpor{here} sim")
