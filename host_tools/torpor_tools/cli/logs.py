"""``torpor logs``."""

from __future__ import annotations

import re
from dataclasses import replace

import click

from ..errors import UserError, fail
from ..extras import need
from ..files import project_files
from ..model.board import Board
from ..model.observe import LEVELS
from ..paths import firmware_dir
from ..suggest import did_you_mean, listing
from .base import Command, Settings
from .output import note
from .target import BOARD, any_device, pick, port_option

_NEEDS_KEY = (
    "over the network this needs the cluster's key: torpor secrets init, then build and flash"
)


@click.command(
    cls=Command,
    help="Print what a board logs: over USB if one is plugged in, else over the network, signed "
    "with the cluster's key. The board keeps running.",
    arguments=[BOARD],
    examples=[
        ("torpor logs", "the only board on USB, until Ctrl-C"),
        ("torpor logs --port /dev/ttyACM1", "one of several"),
        ("torpor logs shed --at 192.168.1.7", "the newest 2 kB of a board on the network"),
        ("torpor logs shed --follow --at shed.local", "and all new lines, until Ctrl-C"),
        ("torpor logs shed --level sensors=debug", "log more of a service, until a restart"),
        ("torpor logs shed --level warning", "log less of everything"),
    ],
)
@click.argument("board", required=False)
@port_option
@click.option(
    "--at", metavar="HOST", help="Over the network, from there: a host, host:port or URL."
)
@click.option("--follow", is_flag=True, help="Over the network: keep printing until Ctrl-C.")
@click.option(
    "--level",
    "levels",
    multiple=True,
    metavar="[SERVICE=]LEVEL",
    help=f"Set, over the network, the lowest level that is logged: {listing(LEVELS)}.",
)
@click.pass_obj
def command(
    settings: Settings,
    board: str | None,
    port: str | None,
    at: str | None,
    follow: bool,
    levels: tuple[str, ...],
) -> None:
    if port and (at or levels):
        other = "--at" if at else "--level"
        raise fail(f"--port is for USB, {other} for the network", "leave one of them out")
    device = None if at or levels else _device(settings, board, port)
    if device:
        _print_usb(device)
    else:
        _print_network(settings, board, at, follow, levels)


def _device(settings: Settings, name: str | None, port: str | None) -> str | None:
    """The serial port of the board; None if none is plugged in and the cluster has a key."""
    if port or not settings.in_project:
        return _on_usb(settings, name, port)
    from ..contracts import load_plan
    from ..project.secrets import cluster_keys

    plan = load_plan(settings.root)
    if _is_plugged_in(plan.board(pick(plan, name)).board):
        return _on_usb(settings, name, port)
    if cluster_keys(settings.root):
        return None
    try:
        return _on_usb(settings, name, port)
    except UserError as error:
        first = error.problems[0]
        raise UserError(replace(first, remedy=f"{first.remedy}\n{_NEEDS_KEY}")) from None


def _on_usb(settings: Settings, name: str | None, port: str | None) -> str:
    need("board")
    return any_device(settings, name, port)


def _is_plugged_in(board: Board) -> bool:
    try:
        from ..board.flash.find import serial_ports
    except ModuleNotFoundError:
        return False  # without the extra for USB, only the network is left
    return any(port.port == board.port for port in serial_ports())


def _print_usb(device: str) -> None:
    from ..board.deploy.health import lines
    from ..board.flash import line

    line.check(device)
    for text in lines(device, lambda: False):
        click.echo(text)


def _print_network(
    settings: Settings, board: str | None, at: str | None, follow: bool, levels: tuple[str, ...]
) -> None:
    from ..board.live import logs
    from ..client.tools import Tools
    from ..contracts import load_plan

    plan = load_plan(settings.root)
    chosen = plan.board(pick(plan, board))
    wanted = [_level(text, [s.name for s in chosen.services]) for text in levels]
    with Tools(settings.root, chosen, at) as tools:
        for name, level in wanted:
            tools.ask("level", name=name, level=LEVELS.index(level))
            note(f"{chosen.name} logs {name or 'everything'} from {level} on, until it restarts")
        if not wanted or follow:
            lines = logs.follow(tools, lambda: False) if follow else logs.Reader(tools).read()
            for line in lines:
                if line.remark:
                    note(line.text)
                else:
                    click.echo(line.text)


def _level(text: str, services: list[str]) -> tuple[str, str]:
    """Service and level of an argument; the service is empty for all. Raises ``UserError``."""
    name, equals, level = text.rpartition("=")
    if level not in LEVELS:
        remedy = did_you_mean(level, LEVELS) or f"levels: {listing(LEVELS)}"
        raise fail(f"--level {text}: there is no level {level!r}", remedy)
    known = [*services, *_runtime_names()]
    if equals and name not in known:
        remedy = did_you_mean(name, known) or f"names in its log: {listing(known)}"
        raise fail(f"--level {text}: the board logs nothing as {name!r}", remedy)
    return name, level


def _runtime_names() -> list[str]:
    """The names under which the runtime on a board logs."""
    found: set[str] = set()
    for path in project_files(firmware_dir() / "torpor", "*.py"):
        found.update(re.findall(r'Log\("(\w+)"\)', path.read_text(encoding="utf-8")))
    return sorted(found)
