"""``torpor sim --emulate``: boot the file that would be flashed in an emulator."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from pathlib import Path

import click

from torpor_sim.emulated import ACCESS_POINT, BOARD_TYPE, EmulatedBoard
from torpor_sim.lines import LogLine
from torpor_sim.ports import Ports

from ..board.flash.prepare import flash_file
from ..errors import fail
from ..extras import need
from ..model.image import Image
from ..model.plan import BoardPlan, Plan
from ..project.secrets import VARIABLES, wifi
from ..suggest import listing
from .base import Settings
from .examples import curl_line
from .output import busy, note, print_table, progress_bar
from .signals import cancel_at_signals

_PATIENCE_S = 600.0
_SLOW = (
    "about 40 times slower than a chip: it serves after half a minute, half a second per request; "
    "what it stores is forgotten at the end"
)


def emulate(
    settings: Settings,
    name: str | None,
    bind: str | None,
    port_base: int | None,
    types: bool,
    log: Callable[[LogLine], None],
) -> None:
    """Build the board, boot it, show its URLs and its log, until Ctrl-C. Raises ``UserError``."""
    need("emulator")
    plan, image = _build(settings.root, name, types)
    with progress_bar(f"Firmware of {BOARD_TYPE}") as progress:
        file = flash_file(image, progress=progress)
    asyncio.run(_run(plan, image, file, bind or "127.0.0.1", port_base, log))


def _build(root: Path, name: str | None, types: bool) -> tuple[Plan, Image]:
    from ..contracts import load_plan
    from ..link import build

    plan = load_plan(root)
    board = _choose(plan, name)
    out = root / "build"
    if not wifi(root):
        # The emulated access point accepts any name; an image without one would not join at all.
        os.environ[VARIABLES["ssid"]] = ACCESS_POINT
        out /= "emulated"  # so it does not replace the image to flash
    with busy(f"Building {board.name}"):
        return plan, build(plan, board.name, out, types=types)


def _choose(plan: Plan, name: str | None) -> BoardPlan:
    fitting = [board for board in plan.boards if board.board.name == BOARD_TYPE]
    if name is not None:
        fitting = [board for board in fitting if board.name == name]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        names = listing(board.name for board in fitting)
        raise fail(f"only one board can be emulated, and there are {names}", "use --board NAME")
    what = f"{name} is not of the type {BOARD_TYPE}" if name else f"the cluster has no {BOARD_TYPE}"
    raise fail(f"{what}, and only that can be emulated", "leave --emulate out")


async def _run(
    plan: Plan,
    image: Image,
    file: Path,
    bind: str,
    port_base: int | None,
    log: Callable[[LogLine], None],
) -> None:
    ports = Ports(bind=bind, base=port_base, mode="fixed")
    place = ports.place([image.board])[image.board.name]
    ports.close()
    emulated = EmulatedBoard(
        uf2=file,
        forwards=place.ports,
        bind=bind,
        name=image.board.name,
        log=log,
        waiting=lambda: note("waiting for another emulated board on this computer to end"),
    )
    cancel_at_signals()
    note(_SLOW)
    with contextlib.suppress(asyncio.CancelledError):
        async with emulated:
            for event in ("kernel: ready", "net: joined"):
                await _until(emulated, event)
            _show(plan, image, emulated)
            await asyncio.Event().wait()
    click.echo("stopped")


async def _until(emulated: EmulatedBoard, event: str) -> None:
    try:
        await emulated.wait_line(event, _PATIENCE_S)
    except TimeoutError:
        what = f"{emulated.name} did not log {event!r} within {_PATIENCE_S:.0f} s"
        raise fail(what, "its log above shows how far it got") from None


def _show(plan: Plan, image: Image, emulated: EmulatedBoard) -> None:
    rows = []
    for placed in image.board.services:
        if placed.port:
            url = emulated.url(placed.port)
            rows.append((placed.name, url, curl_line(plan, placed, url)))
    click.echo()
    print_table(("service", "url", "try"), rows)
    click.echo(
        f"\nit serves after {emulated.device_ms / 1000:.1f} s of its own clock; Ctrl-C stops\n"
    )
