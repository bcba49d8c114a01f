"""``torpor reset``."""

from __future__ import annotations

import time

import click

from ..errors import fail
from ..extras import need
from .base import Command, Settings
from .target import BOARD, any_device, pick, port_option

_LEAVE_S = 0.2  # time to send the bytes from this computer


@click.command(
    cls=Command,
    help="Reset a board over USB, as its reset button does. (A production image has no REPL: "
    "press the button.) With --normal: end safe mode, over the network.",
    arguments=[BOARD],
    examples=[
        ("torpor reset", "the only board on USB"),
        ("torpor reset shed --normal", "leave safe mode: all services start again"),
    ],
)
@click.argument("board", required=False)
@port_option
@click.option("--normal", is_flag=True, help="Leave safe mode, over the network.")
@click.option("--at", metavar="HOST", help="With --normal: a host, host:port or URL.")
@click.pass_obj
def command(
    settings: Settings, board: str | None, port: str | None, normal: bool, at: str | None
) -> None:
    if normal:
        if port:
            raise fail("--port is for USB, --normal for the network", "leave one of them out")
        _leave_safe_mode(settings, board, at)
        return
    if at:
        raise fail("--at is for --normal", "leave it out, or use both")
    need("board")
    _reset(any_device(settings, board, port))


def _leave_safe_mode(settings: Settings, board: str | None, at: str | None) -> None:
    from ..client.tools import Tools
    from ..contracts import load_plan

    plan = load_plan(settings.root)
    chosen = plan.board(pick(plan, board))
    with Tools(settings.root, chosen, at) as tools:
        was_safe = tools.ask("crashes", do="normal")["safe"]
    before = "was in safe mode and" if was_safe else "was not in safe mode; it"
    click.echo(f"{chosen.name} {before} starts again with all its services")


def _reset(device: str) -> None:
    from ..board.deploy.repl import MpremoteRepl

    link = MpremoteRepl(device)
    link.reset()
    time.sleep(_LEAVE_S)
    link.close()
    click.echo(f"the board on {device} starts again; torpor logs shows how")
