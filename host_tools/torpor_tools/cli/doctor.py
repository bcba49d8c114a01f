"""``torpor doctor``."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import Problem, UserError, Where, fail
from ..extras import need
from .base import FILE, Command, Settings
from .output import note, print_table, progress_bar
from .target import BOARD, device_of, pick, port_option

if TYPE_CHECKING:
    from ..board.deploy.repl import Repl
    from ..board.doctor.examine import Bench, Result
    from ..board.doctor.fact import Subject
    from ..model.board import Board

_REPORT = "name another file with --report"
_EMULATOR_S = 900.0  # it is 40 times slower than the chip


@click.command(
    cls=Command,
    extra="board",
    help="Compare a board with torpor's facts about it: run short programs over USB, print "
    "the differences, and write a report to attach to an issue. The board is reset several times "
    "and then starts its program again; its files stay as they are.",
    arguments=[BOARD],
    examples=[
        ("torpor doctor", "the only board on USB, as the cluster's board"),
        ("torpor doctor --type ESP32_GENERIC_S3", "a board without a cluster"),
        ("torpor doctor --type RPI_PICO_W --emulate", "the official firmware in the emulator"),
    ],
)
@click.argument("board", required=False)
@port_option
@click.option("--type", "kind", metavar="TYPE", help="The board type (default: the cluster's).")
@click.option("--emulate", is_flag=True, help="Examine the emulated Pico W.")
@click.option("--resets/--no-resets", default=True, help="Reset the board to see what it keeps.")
@click.option(
    "--report",
    type=FILE,
    metavar="FILE",
    help="The file to write the report to, as JSON (default: doctor-TYPE.json).",
)
@click.pass_obj
def command(
    settings: Settings,
    board: str | None,
    port: str | None,
    kind: str | None,
    emulate: bool,
    resets: bool,
    report: Path | None,
) -> None:
    from ..board.doctor.fact import Subject
    from ..project.ports import load_port

    _check_options(board, port, kind, emulate)
    examined = _kind(settings, board, kind)
    subject = Subject(examined, load_port(examined.port))
    file = report or settings.folder / f"doctor-{examined.name}.json"
    _check_report(file)
    if emulate:
        need("emulator")
        problems = _emulated(subject, resets, file)
    else:
        problems = _examine(_on_usb(settings, subject, port, resets), file)
    if problems:
        raise UserError(problems)


def _check_options(board: str | None, port: str | None, kind: str | None, emulate: bool) -> None:
    """Refuse options that contradict each other. Raises ``UserError``."""
    if board and kind:
        raise fail(
            f"both a board of the cluster ({board}) and a type (--type {kind}) are named",
            "leave one of them out",
        )
    if port and emulate:
        raise fail(f"--emulate uses no serial port, but --port {port} names one", "leave one out")


def _check_report(file: Path) -> None:
    """Refuse a file that cannot be written, before the board is examined. Raises ``UserError``."""
    folder = file.parent
    if not folder.is_dir():
        raise fail(f"the report {file} cannot be written: there is no folder {folder}", _REPORT)
    if file.is_dir():
        raise fail(f"the report {file} cannot be written: it is a folder", _REPORT)
    if not os.access(file if file.exists() else folder, os.W_OK):
        raise fail(f"the report {file} cannot be written: permission denied", _REPORT)


def _kind(settings: Settings, name: str | None, kind: str | None) -> Board:
    """The board type to compare with. Raises ``UserError`` if it is not known."""
    from ..contracts import load_plan
    from ..project import load_board

    if kind:
        return _chip(load_board(kind))
    if not settings.in_project:
        raise fail(
            "no cluster.toml states the type of this board",
            "name it with --type; torpor boards lists the types",
        )
    plan = load_plan(settings.root)
    return _chip(plan.board(pick(plan, name)).board)


def _chip(board: Board) -> Board:
    """The board type, which must have a chip. Raises ``UserError``."""
    if board.port == "unix":
        raise fail(f"{board.name} is a Linux process, not a board on USB", "name a board type")
    return board


def _on_usb(settings: Settings, subject: Subject, port: str | None, resets: bool) -> Bench:
    from ..board.deploy.repl import MpremoteRepl
    from ..board.doctor.examine import Bench

    def connect(silence_s: float) -> Repl:
        # After a reset, a chip's own USB may appear as another device.
        return MpremoteRepl(device_of(subject.board, port), silence_s)

    return Bench(subject, connect, _wifi(settings), resets)


def _wifi(settings: Settings) -> dict[str, str]:
    """The Wi-Fi of ``secrets.toml`` or the environment; empty if there is none."""
    from ..project.secrets import wifi

    return wifi(settings.root if settings.in_project else settings.folder)


def _emulated(subject: Subject, resets: bool, report: Path) -> list[Problem]:
    from torpor_sim.emulated import ACCESS_POINT, BOARD_TYPE, EmulatedBoard

    from ..board.deploy.repl import MpremoteRepl
    from ..board.doctor.examine import Bench
    from ..board.flash.catalogue import firmware

    if subject.board.name != BOARD_TYPE:
        raise fail(f"{subject.board.name} cannot be emulated", f"only {BOARD_TYPE} can")
    with progress_bar(f"Firmware of {subject.board.name}") as progress:
        file = firmware(subject.board, progress=progress)

    async def run() -> list[Problem]:
        async with EmulatedBoard(uf2=file, terminal=True, waiting=_wait) as emulated:

            def connect(silence_s: float) -> Repl:
                assert emulated.terminal
                return MpremoteRepl(emulated.terminal, silence_s)

            wifi = {"ssid": ACCESS_POINT, "password": "anything"}
            bench = Bench(subject, connect, wifi, resets, True, _EMULATOR_S, _EMULATOR_S)
            return await asyncio.to_thread(_examine, bench, report)

    return asyncio.run(run())


def _examine(bench: Bench, report: Path) -> list[Problem]:
    """Examine, print the table and write the report. Returns the differences as problems."""
    from ..board.doctor.examine import Verdict, examine
    from ..board.doctor.report import document, place, rows, summary

    results = examine(bench, _announce())
    print_table(("fact", "stated", "this board", ""), rows(results))
    report.write_text(document(bench, results), encoding="utf-8", newline="\n")
    click.echo(f"\n{summary(results)}\nwrote {report}")
    if not bench.wifi:
        note("no Wi-Fi to join: set [wifi] in secrets.toml, or TORPOR_WIFI_SSID and _PASSWORD")
    differing = [result for result in results if result.verdict == Verdict.DIFFERS]
    return [_problem(result, place(bench, result), report) for result in differing]


def _problem(result: Result, stated_in: str, report: Path) -> Problem:
    shown = result.why or f"this board shows {result.seen!r}"
    what = f"{result.fact.name}: {result.expected} is stated, {shown}"
    return Problem(Where(stated_in), what, f"attach {report} to an issue of torpor")


def _wait() -> None:
    note("waiting for another emulated board on this computer to end")


def _announce() -> Callable[[str], None]:
    return lambda program: note(f"looking at {program}")
