"""Shared code of commands for a real board: finds the board and its port, reports its start."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import UserError, fail
from ..model.board import Board
from ..model.image import Image
from ..model.plan import Plan
from ..suggest import listing
from .base import Settings
from .heap_check import check_heap
from .output import busy, note, print_table

if TYPE_CHECKING:
    from ..board.deploy.health import Health

BOARD = ("BOARD", "A board of the cluster, by its name in cluster.toml (default: the only one)")


def port_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option ``--port``."""
    return click.option(
        "--port",
        metavar="PORT",
        help="The serial port (default: the one board on USB).",
    )(command)


def pick(plan: Plan, name: str | None) -> str:
    """The board that the user means.

    Raises ``UserError`` if there is none of that name, or if there are several and none is named.
    """
    names = [board.name for board in plan.boards]
    if name is None and len(names) > 1:
        raise fail(f"the cluster has the boards {listing(names)}", "name one of them")
    if name is not None and name not in names:
        raise fail(f"the cluster has no board {name}", f"its boards: {listing(names)}")
    return name or names[0]


def build_image(
    settings: Settings,
    name: str | None,
    types: bool,
    production: bool = False,
    *,
    allow_low_heap: bool,
) -> tuple[Plan, Image]:
    """Build the board that the user means, and check its heap.

    Raises ``UserError``, also for a broken contract and for an image that leaves too little heap.
    """
    from ..contracts import load_plan
    from ..contracts.promises import broken_promises
    from ..link import build, without_wifi

    plan = load_plan(settings.root)
    board = pick(plan, name)
    if problems := broken_promises(plan):
        raise UserError(problems)
    with busy(f"Building {board}"):
        image = build(plan, board, settings.root / "build", types=types, production=production)
    check_heap(image, allow_low_heap)
    for text in without_wifi(settings.root, [image.board]):
        note(text)
    return plan, image


def image_files(image: Image) -> dict[str, bytes]:
    """The files of an image by their path on the board."""
    from ..image.tree import read_tree

    return read_tree(image.tree)


def device_of(board: Board, port: str | None) -> str:
    """The serial port to use. Raises ``UserError`` if there is no board or more than one."""
    from ..board.flash.find import the_port

    return port or the_port(board).device


def on_device(work: Callable[[str], None]) -> Callable[..., Any]:
    """Give a command the arguments for a board whose image does not matter.

    ``work`` is called with the serial port of the board. Raises ``UserError`` if there is none.
    """

    @click.argument("board", required=False)
    @port_option
    @click.pass_obj
    @functools.wraps(work)
    def command(settings: Settings, board: str | None, port: str | None) -> None:
        work(any_device(settings, board, port))

    return command


def any_device(settings: Settings, name: str | None, port: str | None) -> str:
    """The serial port of a board whose image does not matter. Raises ``UserError``."""
    if port:
        return port
    if settings.in_project:
        from ..contracts import load_plan

        plan = load_plan(settings.root)
        return device_of(plan.board(pick(plan, name)).board, None)
    from ..board.flash.find import serial_ports

    found = serial_ports()
    if not found:
        raise fail(
            "no board was found on USB",
            "plug it in with a cable that carries data, not only power; or name it with --port\n"
            "a board that was never flashed: torpor flash, in the cluster's folder",
        )
    if len(found) > 1:
        shown = listing(port.device for port in found)
        raise fail(f"{len(found)} boards are plugged in: {shown}", "name the port with --port")
    return found[0].device


def show_start(plan: Plan, image: Image, health: Health, device: str) -> None:
    """Print how the board started and what to do next. Raises ``UserError`` if it did not."""
    name = image.board.name
    if not health.ready:
        said = "\n".join(health.lines[-15:]) or "(nothing)"
        raise fail(f"{name} did not report that it is ready; its log:\n{said}", "see: torpor logs")
    if health.failed:
        why = "; ".join(f"{service}: {reason}" for service, reason in health.failed.items())
        raise fail(f"{name} runs, but not all its services: {why}", "see: torpor logs")
    click.echo(f"{name} is ready")
    if health.address:
        _show_urls(plan, image, health.address)
    elif not health.wifi:
        note("it has no Wi-Fi: write ssid and password into [wifi] of secrets.toml")
    else:
        note(f"it has no address yet: torpor logs --port {device} shows when it has joined")


def _show_urls(plan: Plan, image: Image, address: str) -> None:
    from .examples import curl_line

    rows = []
    for placed in image.board.services:
        if placed.port:
            url = f"http://{address}:{placed.port}"
            rows.append((placed.name, url, curl_line(plan, placed, url)))
    if rows:
        click.echo()
        print_table(("service", "url", "try"), rows)


def root_relative(path: Path, root: Path) -> str:
    """A path as the user would write it."""
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
