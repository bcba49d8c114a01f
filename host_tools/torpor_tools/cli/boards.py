"""``torpor boards``."""

from __future__ import annotations

import click

from ..model.board import Board, Firmware
from ..suggest import ranges
from .base import Command, Group
from .output import print_table


class _Boards(Group):
    """Treats ``torpor boards NAME`` as ``torpor boards show NAME``."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in self.commands and not args[0].startswith("-"):
            args = ["show", *args]
        return super().resolve_command(ctx, args)


@click.group(
    cls=_Boards,
    invoke_without_command=True,
    help="List the board types and their limits.",
)
@click.pass_context
def command(ctx: click.Context) -> None:
    if ctx.invoked_subcommand is None:
        _list()


@command.command(
    "show",
    cls=Command,
    short_help="Show one type in full",
    help="Show everything known about a board type: limits, flash, pins, firmware, currents.",
    arguments=[("NAME", "A board type, as torpor boards lists them")],
    examples=[
        ("torpor boards", "all types"),
        ("torpor boards show RPI_PICO_W", "one, with its limits and currents"),
    ],
)
@click.argument("name")
def show(name: str) -> None:
    from ..project import load_board

    board = load_board(name)
    print_table((), [*_facts(board), *_pins(board), *_firmware(board.firmware), *_currents(board)])


def _list() -> None:
    from ..project import known_boards, load_board

    boards = [load_board(known) for known in known_boards()]
    rows = [
        (b.name, b.chip, f"{b.heap_bytes:,}", str(b.listeners), str(b.connections)) for b in boards
    ]
    print_table(("board", "chip", "heap B", "listeners", "connections"), rows, "llrrr")


def _facts(board: Board) -> list[tuple[str, str]]:
    files = board.filesystem
    size = files.block_count * files.block_size
    return [
        ("title", board.title),
        ("chip", f"{board.chip} (MicroPython port {board.port})"),
        ("flash", f"{board.flash_bytes:,} bytes"),
        ("firmware slots", _slots(board)),
        (
            "filesystem",
            f"LittleFS2, {size:,} bytes at {files.offset:#x}: {files.block_count} blocks "
            f"of {files.block_size}, written by {files.prog_size}, read by {files.read_size}",
        ),
        ("heap", f"{board.heap_bytes:,} bytes for Python at least, and in the simulator"),
        ("listeners", f"{board.listeners} TCP ports may listen at once"),
        ("connections", f"{board.connections} TCP connections may be open, in both directions"),
        ("sockets", f"{board.sockets} of any kind"),
        ("wake sources", ", ".join(board.wake_sources)),
        ("type stubs", board.stubs),
    ]


def _slots(board: Board) -> str:
    if board.partitions:
        return f"2 of {board.slot_bytes:,} bytes: torpor update --firmware replaces it"
    return "1: the firmware can be replaced only over USB"


def _pins(board: Board) -> list[tuple[str, str]]:
    """The buses with their default pins, and the functions of each pin."""
    pins = board.pins
    rows = [
        (bus, ", ".join(f"{line} {pin}" for line, pin in lines.items()))
        for bus, lines in pins.buses.items()
    ]
    if pins.gpio and not pins.valid:
        rows.append(("bus lines", "any pin can be any line of a bus"))
    plain = []
    for pin in pins.gpio:
        abilities = [*pins.abilities(pin), *(["wakes"] if pin in board.wake_pins else [])]
        if abilities:
            rows.append((f"pin {pin}", ", ".join(abilities)))
        else:
            plain.append(pin)
    if plain:
        rows.append(("other pins", ranges(plain)))
    return [*rows, ("pins by name", ", ".join(pins.names))] if pins.names else rows


def _firmware(firmware: Firmware | None) -> list[tuple[str, str]]:
    if firmware is None:
        return [("firmware", "none pinned")]
    return [
        ("firmware", f"MicroPython {firmware.version}, flashed at {firmware.offset:#x}"),
        ("  from", firmware.url),
        ("  SHA-256", firmware.sha256 or "not known: no package has the file, see --firmware"),
        *([("  or from", f"PyPI: {firmware.wheel}")] if firmware.wheel else []),
    ]


def _currents(board: Board) -> list[tuple[str, str]]:
    return [(f"mA {state}", f"{value:g}") for state, value in board.currents_ma.items()]
