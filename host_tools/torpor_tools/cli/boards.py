"""``torpor boards``."""

from __future__ import annotations

import click

from .base import Command
from .output import print_table


@click.command(
    cls=Command,
    help="List the kinds of board, or show all that is known of one.",
    arguments=[("NAME", "A kind of board; without it a line for each")],
    examples=[
        ("torpor boards", "all kinds"),
        ("torpor boards RPI_PICO_W", "one, with its limits and currents"),
    ],
)
@click.argument("name", required=False)
def command(name: str | None) -> None:
    from ..config import known_boards, load_board

    if name is None:
        boards = [load_board(known) for known in known_boards()]
        rows = [
            (b.name, b.chip, f"{b.heap_bytes:,}", str(b.listeners), str(b.connections))
            for b in boards
        ]
        print_table(("board", "chip", "heap B", "listeners", "connections"), rows, "llrrr")
        return
    board = load_board(name)
    firmware = board.firmware
    facts = [
        ("title", board.title),
        ("chip", f"{board.chip} (MicroPython port {board.port})"),
        ("flash", f"{board.flash_bytes:,} bytes"),
        ("heap", f"{board.heap_bytes:,} bytes free for Python"),
        ("listeners", str(board.listeners)),
        ("connections", str(board.connections)),
        ("sockets", str(board.sockets)),
        ("wake sources", ", ".join(board.wake_sources)),
        (
            "filesystem",
            f"{board.filesystem.block_count} blocks of {board.filesystem.block_size} bytes "
            f"at {board.filesystem.offset:#x}",
        ),
        ("firmware", f"MicroPython {firmware.version}" if firmware else "none pinned"),
        ("type stubs", board.stubs),
    ]
    facts += [(f"mA {state}", f"{value:g}") for state, value in board.currents_ma.items()]
    print_table((), facts)
