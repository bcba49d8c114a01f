"""``torpor sim``."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Sequence
from pathlib import Path

import click

from torpor_sim import Change, LogLine, Simulator, watch

from ..errors import UserError
from ..model.image import Image
from ..model.plan import Plan
from ..paths import firmware_dir
from .base import Command, Settings
from .output import busy, note, print_table

_COLOURS = {"DEBUG": "bright_black", "WARN": "yellow", "ERROR": "red"}


@click.command(
    cls=Command,
    help="Build the cluster and run it in MicroPython on this machine, until Ctrl-C.",
    examples=[
        ("torpor sim", "each board on its own 127.0.1.x address"),
        ("torpor sim --watch", "rebuild and restart at each change"),
        ("torpor sim --bind 127.0.0.1 --port-base 9000", "one address, ports from 9000"),
        ("torpor sim --fresh", "forget what the boards had stored"),
    ],
)
@click.option("--bind", metavar="ADDRESS", help="One address for all boards.")
@click.option("--port-base", type=click.IntRange(1, 65000), help="Number the ports from here.")
@click.option("--fresh", is_flag=True, help="Begin with empty flash.")
@click.option("--watch", "watched", is_flag=True, help="Rebuild and restart at each change.")
@click.option("--types/--no-types", default=True, help="Run mypy with the boards' stubs (default).")
@click.pass_obj
def command(
    settings: Settings,
    bind: str | None,
    port_base: int | None,
    fresh: bool,
    watched: bool,
    types: bool,
) -> None:
    root = settings.root
    with busy("Building"):
        plan, images = _build(root, types)
    for text in plan.notes:
        note(text)
    sim = Simulator(
        images,
        bind=bind,
        port_base=port_base,
        fresh=fresh,
        storage=root / "build" / "sim",
        log=_print_line,
    )
    asyncio.run(_run(sim, plan, root if watched else None))


def _build(root: Path, types: bool) -> tuple[Plan, list[Image]]:
    from ..contracts import load_plan
    from ..link import build

    plan = load_plan(root)
    return plan, [build(plan, b.name, root / "build", types=types) for b in plan.boards]


async def _run(sim: Simulator, plan: Plan, watched: Path | None) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with sim:
        _show(sim, plan)
        task = asyncio.create_task(_watch(sim, watched)) if watched else None
        await stopped.wait()
        if task:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
    click.echo("stopped")


def _show(sim: Simulator, plan: Plan) -> None:
    from .examples import curl_line

    click.echo()
    rows = [
        (placed.name, board.name, url, curl_line(plan, placed, url))
        for board, placed, url in sim.services()
    ]
    print_table(("service", "board", "url", "try"), rows)
    click.echo("\nCtrl-C stops. The log:\n")


async def _watch(sim: Simulator, root: Path) -> None:
    def rebuild() -> Sequence[Image]:
        return _build(root, True)[1]

    await watch(sim, root, rebuild, _report, also=[firmware_dir()])


def _report(change: Change) -> None:
    from . import print_problems

    files = ", ".join(file.name for file in change.files)
    if isinstance(change.error, UserError):
        print_problems(change.error.problems)
        note(f"{files}: not taken over, the old code runs on")
    else:
        click.echo(click.style(f"{files}: answers after {change.seconds:.1f} s", fg="green"))


def _print_line(line: LogLine) -> None:
    board = click.style(line.board, fg="cyan")
    click.echo(f"{board} {click.style(str(line), fg=_COLOURS.get(line.level))}")
