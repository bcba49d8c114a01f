"""``torpor sim``."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from torpor_sim import LogLine, Rebuild, Simulator, recorded, watch

from ..errors import Problem, UserError, fail
from ..model.image import Image
from ..model.plan import Plan
from ..paths import firmware_dir
from ..suggest import counted, listing
from .base import FILE, Command, Settings
from .options import port_base_option, types_option
from .output import busy, note, print_table
from .signals import cancel_at_signals

_COLOURS = {"DEBUG": "bright_black", "WARN": "yellow", "ERROR": "red"}

Build = Callable[[], tuple[Plan, list[Image]]]


@click.command(
    cls=Command,
    help="Build the cluster and run it in MicroPython on this machine, until Ctrl-C.",
    examples=[
        ("torpor sim", "each board on its own 127.0.1.x address"),
        ("torpor sim --watch", "rebuild and restart at each change"),
        ("torpor sim --board shed", "one board of several"),
        ("torpor sim --bind 127.0.0.1 --port-base 9000", "one address, ports from 9000"),
        ("torpor sim --fresh", "forget what the boards had stored"),
        ("torpor sim --record run.json", "count calls, for torpor graph and torpor place"),
        ("torpor sim --strict", "find what would break between two boards"),
        ("torpor sim --emulate", "a Pico W with the official firmware, in an emulator"),
    ],
)
@click.option("--board", metavar="BOARD", help="Only this board (default: all).")
@click.option("--bind", metavar="ADDRESS", help="One address for all boards.")
@port_base_option
@click.option("--fresh", is_flag=True, help="Begin with empty flash.")
@click.option(
    "--speed",
    type=click.FloatRange(0.1, 1000),
    default=1.0,
    metavar="N",
    help="Run the boards' clock N times as fast, to see hours of sleep in minutes.",
)
@click.option("--watch", "watched", is_flag=True, help="Rebuild and restart at each change.")
@click.option(
    "--record",
    type=FILE,
    metavar="FILE",
    help="Count the calls between services; written at the end.",
)
@types_option
@click.option("--strict", is_flag=True, help="Pass calls in memory through the wire encoding.")
@click.option(
    "--emulate",
    is_flag=True,
    help="Boot the file to flash in an RP2040 emulator: one Pico W, about 40 times slower.",
)
@click.pass_obj
def command(
    settings: Settings,
    board: str | None,
    bind: str | None,
    port_base: int | None,
    fresh: bool,
    speed: float,
    watched: bool,
    record: Path | None,
    types: bool,
    strict: bool,
    emulate: bool,
) -> None:
    root = settings.root
    if emulate:
        if watched or record or strict or speed != 1:
            raise click.UsageError(
                "--emulate cannot be used with --watch, --record, --strict or --speed: it runs "
                "the file to flash itself."
            )
        from . import emulate as emulator

        emulator.emulate(settings, board, bind, port_base, types, _print_line)
        return

    def build() -> tuple[Plan, list[Image]]:
        return _build(root, board, types, strict)

    with busy("Building"):
        plan, images = build()
    for text in plan.notes:
        note(text)
    warn_of_breaks(plan)
    sim = Simulator(
        images,
        bind=bind,
        port_base=port_base,
        fresh=fresh,
        speed=speed,
        storage=root / "build" / "sim",
        log=_print_line,
        record=record is not None,
    )
    try:
        asyncio.run(_run(sim, plan, root, build if watched else None, record))
    except TimeoutError as late:
        raise fail(str(late), "a service's start must return") from None


def _build(root: Path, board: str | None, types: bool, strict: bool) -> tuple[Plan, list[Image]]:
    from ..contracts import load_plan
    from ..link import build_boards

    plan = load_plan(root)
    names = [board] if board else [b.name for b in plan.boards]
    # A strict image is only for the simulator, and does not replace the one to flash.
    out = root / "build" / "strict" if strict else root / "build"
    return plan, list(build_boards(plan, names, out, types=types, strict=strict))


def warn_of_breaks(plan: Plan) -> None:
    """Print the problems that ``torpor build`` would refuse and the simulator accepts."""
    from ..contracts.promises import broken_promises

    try:
        problems: Sequence[Problem] = broken_promises(plan)
    except UserError as error:
        problems = error.problems
    for problem in problems:
        note(f"torpor build and torpor flash refuse this: {problem}")


async def _run(
    sim: Simulator, plan: Plan, root: Path, rebuild: Build | None, record: Path | None
) -> None:
    """Run the boards until a signal ends us; with ``rebuild``, rebuild when sources change.

    The calls that the boards have counted go to the file ``record``.
    """
    began = time.monotonic()
    cancel_at_signals()
    with contextlib.suppress(asyncio.CancelledError):
        async with sim:
            _show(sim, plan)
            if rebuild:
                await _watch(sim, root, rebuild)
            await asyncio.Event().wait()
    if record:
        _write_record(record, root, time.monotonic() - began)
    click.echo("stopped")


def _write_record(file: Path, root: Path, seconds: float) -> None:
    from ..topology.record import Record, write_record

    found = recorded(root / "build" / "sim")
    write_record(file, Record(seconds, dict(found.calls), found.heap, found.base))
    click.echo(f"{counted(found.calls.total(), 'call')} recorded in {file}")


def _show(sim: Simulator, plan: Plan) -> None:
    from .examples import curl_line

    urls = {placed.name: url for _, placed, url in sim.services()}
    rows = []
    for board in sim.boards:
        for placed in board.image.board.services:
            url = urls.get(placed.name, "")
            attempt = curl_line(plan, placed, url) if url else "for its peers only"
            rows.append((placed.name, board.name, url, attempt))
    click.echo()
    print_table(("service", "board", "url", "try"), rows)
    for board in sim.boards:
        for placed in board.image.board.services:
            if placed.contract.has_app and placed.name in urls:
                click.echo(f"\nFor a browser, {placed.name}: {urls[placed.name]}/")
    click.echo("\nCtrl-C stops. The log:\n")


async def _watch(sim: Simulator, root: Path, rebuild: Build) -> None:
    def report(change: Rebuild) -> None:
        _report(change, ", ".join(_relative(file, root) for file in change.files))

    def relink() -> list[Image]:
        plan, images = rebuild()
        warn_of_breaks(plan)
        return images

    await watch(sim, root, relink, report, also=[firmware_dir()])


def _relative(file: Path, root: Path) -> str:
    return str(file.relative_to(root)) if file.is_relative_to(root) else str(file)


def _report(change: Rebuild, files: str) -> None:
    from . import print_problems

    if isinstance(change.error, UserError):
        print_problems(change.error.problems)
        note(f"{files}: not loaded, the old code keeps running")
        return
    taken = f"{files}: loaded after {change.seconds:.1f} s"
    for service, reason in change.refusing.items():
        click.echo(click.style(f"{taken}, but {service} answers 503: {reason}", fg="yellow"))
    if change.refusing:
        return
    if change.dormant:
        services = listing(change.dormant)
        starts = "starts with its" if len(change.dormant) == 1 else "start with their"
        click.echo(click.style(f"{taken}; {services} {starts} next request", fg="green"))
    else:
        click.echo(click.style(f"{files}: answers after {change.seconds:.1f} s", fg="green"))


def _print_line(line: LogLine) -> None:
    board = click.style(line.board, fg="cyan")
    click.echo(f"{board} {click.style(str(line), fg=_COLOURS.get(line.level))}")
