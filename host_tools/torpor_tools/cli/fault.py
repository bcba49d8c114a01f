"""``torpor fault``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import fail
from ..suggest import listing
from .base import Command, Group, Settings

if TYPE_CHECKING:
    from torpor_sim.faults import Faults

_BOARD = ("BOARD", "A board of the cluster, by its name in cluster.toml")


@click.group(
    name="fault",
    cls=Group,
    help="Break something in the simulator, while torpor sim runs in another terminal.",
)
def command() -> None:
    pass


@command.command(
    cls=Command,
    help="Cut a board's power: it stops answering, without closing connections.",
    arguments=[_BOARD],
    examples=[("torpor fault kill shed", "shed is dead until it is revived")],
)
@click.argument("board")
@click.pass_obj
def kill(settings: Settings, board: str) -> None:
    def change(faults: Faults) -> None:
        faults.off = sorted({*faults.off, board})

    _change(settings, (board,), change)
    click.echo(f"{board} has no power, until: torpor fault revive {board}")


@command.command(
    cls=Command,
    help="Give a board its power back.",
    arguments=[_BOARD],
    examples=[("torpor fault revive shed", "shed starts again")],
)
@click.argument("board")
@click.pass_obj
def revive(settings: Settings, board: str) -> None:
    def change(faults: Faults) -> None:
        faults.off = [name for name in faults.off if name != board]

    _change(settings, (board,), change)
    click.echo(f"{board} has power again")


@command.command(
    cls=Command,
    help="Cut the network between two boards.",
    arguments=[_BOARD, ("OTHER", "Another board")],
    examples=[("torpor fault partition shed barn", "shed and barn cannot reach each other")],
)
@click.argument("board")
@click.argument("other")
@click.pass_obj
def partition(settings: Settings, board: str, other: str) -> None:
    def change(faults: Faults) -> None:
        faults.link(board, other).cut = True

    _change(settings, (board, other), change)
    click.echo(
        f"nothing passes between {board} and {other}, until: torpor fault heal {board} {other}"
    )


@command.command(
    cls=Command,
    help="Make the link between two boards slower.",
    arguments=[_BOARD, ("OTHER", "Another board"), ("MS", "Milliseconds added each way")],
    examples=[("torpor fault delay shed barn 80", "80 ms longer each way")],
)
@click.argument("board")
@click.argument("other")
@click.argument("ms", type=click.FloatRange(0, 60_000))
@click.pass_obj
def delay(settings: Settings, board: str, other: str, ms: float) -> None:
    def change(faults: Faults) -> None:
        faults.link(board, other).delay_ms = ms

    _change(settings, (board, other), change)
    click.echo(f"{ms:g} ms longer each way between {board} and {other}")


@command.command(
    cls=Command,
    help="Lose packets between two boards; TCP sends them again after a delay.",
    arguments=[_BOARD, ("OTHER", "Another board"), ("PERCENT", "Percent of packets, 0 to 90")],
    examples=[("torpor fault lose shed barn 20", "one packet of five is lost")],
)
@click.argument("board")
@click.argument("other")
@click.argument("percent", type=click.FloatRange(0, 90))
@click.pass_obj
def lose(settings: Settings, board: str, other: str, percent: float) -> None:
    def change(faults: Faults) -> None:
        faults.link(board, other).lose = percent / 100

    _change(settings, (board, other), change)
    click.echo(f"{percent:g} % of the packets between {board} and {other} are lost")


def _break(name: str, help: str, example: str) -> None:
    """Add a command that breaks a device."""

    @command.command(
        name=name,
        cls=Command,
        help=help,
        arguments=[_BOARD, ("DEVICE", "A device of the board, by its name in cluster.toml")],
        examples=[(f"torpor fault {name} desk thermometer", example)],
    )
    @click.argument("board")
    @click.argument("device")
    @click.pass_obj
    def broken(settings: Settings, board: str, device: str) -> None:
        _set_device(settings, board, device, name)
        click.echo(f"{device} on {board}: {name}, until: torpor fault heal {board} {device}")


_break(
    "nack",
    "Make a device stop answering, as if it were unplugged.",
    "its bus address is not acknowledged",
)
_break("hang", "Make a device block its bus.", "each transfer ends in a time-out")
_break("garbage", "Make a device answer with random bytes.", "its checksums are wrong")


@command.command(
    cls=Command,
    help="End every fault between two boards, or of a device.",
    arguments=[_BOARD, ("OTHER", "Another board, or a device of this one")],
    examples=[
        ("torpor fault heal shed barn", "they reach each other again"),
        ("torpor fault heal desk thermometer", "it works again"),
    ],
)
@click.argument("board")
@click.argument("other")
@click.pass_obj
def heal(settings: Settings, board: str, other: str) -> None:
    from torpor_sim.faults import simulated_boards
    from torpor_sim.flash import BoardFolder
    from torpor_sim.wiring import wired_devices

    storage = _storage(settings)
    devices = wired_devices(BoardFolder(storage / board))
    if other in devices:
        _set_device(settings, board, other, None)
        click.echo(f"{other} on {board} works again")
        return
    boards = simulated_boards(storage)
    if board in boards and other not in boards:
        what = f"{board} has no device {other}, and there is no board of that name"
        others = [name for name in boards if name != board]
        remedy = f"devices: {listing(devices) or 'none'}; boards: {listing(others) or 'no other'}"
        raise fail(what, remedy)

    def change(faults: Faults) -> None:
        link = faults.link(board, other)
        link.cut, link.delay_ms, link.lose = False, 0.0, 0.0

    _change(settings, (board, other), change)
    click.echo(f"{board} and {other} reach each other again")


def _set_device(settings: Settings, board: str, device: str, kind: str | None) -> None:
    from torpor_sim import Inputs
    from torpor_sim.flash import BoardFolder
    from torpor_sim.wiring import wired_device

    storage = _storage(settings)
    wired_device(storage, board, device)
    Inputs(BoardFolder(storage / board).inputs).fault(device, kind)


def _storage(settings: Settings) -> Path:
    """Return where the simulator runs. Raises ``UserError`` if it does not."""
    from torpor_sim import is_running

    storage = settings.root / "build" / "sim"
    if not is_running(storage):
        raise fail("torpor sim is not running here", "start it in another terminal: torpor sim")
    return storage


def _change(settings: Settings, boards: tuple[str, ...], change: Callable[[Faults], None]) -> None:
    from torpor_sim.faults import change_faults

    change_faults(_storage(settings), boards, change)
