"""``torpor build``."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from ..errors import Problem, UserError, writing
from ..model.image import Image
from ..project.signers import NAME as SIGNERS
from .base import FILE, Command, Settings
from .options import firmware_option, low_heap_option, types_option
from .output import busy, note, print_table, progress_bar, show_left_out
from .size_document import board_document, document, read, to_text
from .size_summary import markdown
from .size_table import HEAP_NOTE, ON_REQUEST_NOTE, size_table


@click.command(
    cls=Command,
    help="Link each board's services into an image below build/, and show its size.",
    arguments=[("BOARD", "A board of the cluster, by its name in cluster.toml (default: all)")],
    examples=[
        ("torpor build", "all boards"),
        ("torpor build shed", "one board"),
        ("torpor build --modules", "with the runtime module by module"),
        ("torpor build shed --production", "a board without a prompt over USB"),
        ("torpor build --only readings", "a service as a board of its own"),
        ("torpor build shed --firmware FILE.uf2", "on a firmware file that you have"),
        ("torpor build --json sizes.json", "the sizes for a program"),
        ("torpor build --summary - --compare sizes.json", "in Markdown, with what has changed"),
    ],
)
@click.argument("board", required=False)
@types_option
@click.option("-v", "--verbose", is_flag=True, help="Report each pass of the linker.")
@click.option("--modules", is_flag=True, help="Show each module of the runtime.")
@click.option("--only", metavar="SERVICE", help="Build a board of that name with this service.")
@click.option("--type", "kind", metavar="TYPE", help="The type of that board (default: unchanged).")
@firmware_option
@click.option("--production", is_flag=True, help="Disable the board's prompt over USB.")
@click.option("--frozen", is_flag=True, help="Prepare your own firmware with the image in it.")
@click.option(
    "--json",
    "json_file",
    type=FILE,
    metavar="FILE",
    help="Write the sizes as JSON (- prints them).",
)
@click.option(
    "--summary", type=FILE, metavar="FILE", help="Write the sizes as Markdown (- prints them)."
)
@click.option(
    "--compare", type=FILE, metavar="FILE", help="Show in the summary what changed since that JSON."
)
@low_heap_option
@click.pass_obj
def command(
    settings: Settings,
    board: str | None,
    types: bool,
    verbose: bool,
    modules: bool,
    only: str | None,
    kind: str | None,
    firmware: Path | None,
    production: bool,
    frozen: bool,
    json_file: Path | None,
    summary: Path | None,
    compare: Path | None,
    allow_low_heap: bool,
) -> None:
    from ..contracts import plan_of
    from ..contracts.promises import broken_promises
    from ..link import build_boards, without_wifi
    from ..project import load_cluster
    from ..topology.change import alone

    root = settings.root
    if (board and only) or (kind and not only):
        raise click.UsageError("Name a board, or a service with --only, and its --type.")
    _check_reports(json_file, summary, compare, frozen)
    base = _base(settings, compare)
    cluster = load_cluster(root)
    plan = plan_of(alone(cluster, only, kind) if only else cluster)
    board = only or board
    if problems := broken_promises(plan):
        raise UserError(problems)
    for text in plan.notes:
        note(text)
    names = [board] if board else [b.name for b in plan.boards]
    images = build_boards(
        plan,
        names,
        root / "build",
        types=types,
        production=production,
        frozen=frozen,
        report=click.echo if verbose else None,
    )
    weighed = []
    low: list[Problem] = []
    piped = any(map(_is_terminal, (json_file, summary)))  # then nothing else goes to stdout
    with contextlib.redirect_stdout(sys.stderr) if piped else contextlib.nullcontext():
        for name in names:
            with busy(f"Building {name}"):
                image = next(images)
            if not frozen:  # a table without the firmware would be useless
                sizes, problem = _show(image, modules)
                weighed.append(sizes)
                if problem and not allow_low_heap:
                    low.append(problem)
                    continue
            show_left_out(image.board, root)
            click.echo(f"\n{image.folder.relative_to(root)}/ holds the image of {name}")
            if image.board.board.port == "unix":
                click.echo(f"torpor export {name} turns it into a Linux service")
            elif frozen:
                _show_frozen(image, root, firmware)
            else:
                _write_flash_file(image, root, firmware)
    for text in without_wifi(root, map(plan.board, names)):
        note(text)
    if json_file or summary:
        sizes = document(cluster.name, weighed)
        _write(settings, json_file, to_text(sizes), piped)
        _write(settings, summary, markdown(sizes, base), piped)
    if low:
        raise UserError(low)


def _check_reports(
    json_file: Path | None, summary: Path | None, compare: Path | None, frozen: bool
) -> None:
    """Refuse options that contradict each other. Raises ``click.UsageError``."""
    if compare and not summary:
        raise click.UsageError("--compare adds the changes to the --summary, so give that too.")
    if json_file and json_file == summary:
        raise click.UsageError("--json and --summary each need a file.")
    if frozen and (json_file or summary):
        raise click.UsageError("--frozen shows no sizes: leave --json and --summary out.")


def _base(settings: Settings, compare: Path | None) -> Mapping[str, Any] | None:
    """The sizes to compare with, read before anything is built. Raises ``UserError``."""
    return read(compare, settings.shown(compare)) if compare else None


def _write(settings: Settings, file: Path | None, text: str, piped: bool) -> None:
    """Write a report to the file that was named, or print it."""
    if _is_terminal(file):
        click.echo(text, nl=False)
    elif file:
        shown = settings.shown(file)
        with writing(shown):
            file.write_text(text, encoding="utf-8", newline="\n")
        click.echo(f"wrote {shown}", err=piped)


def _is_terminal(file: Path | None) -> bool:
    return file is not None and file.name == "-"


def _write_flash_file(image: Image, root: Path, firmware: Path | None) -> None:
    """Write the file to flash.

    The image is complete without this file. So firmware that cannot be fetched is an error only if
    the user has named it.
    """
    from ..board.flash.prepare import flash_file

    try:
        with progress_bar(f"Firmware of {image.board.board.name}") as progress:
            file = flash_file(image, source=firmware, progress=progress)
    except UserError as error:
        if firmware:
            raise
        problem = error.problems[0]
        note(f"no file to flash: {problem.what}\n      {problem.remedy}")
    else:
        click.echo(
            f"{file.relative_to(root)} is the file to flash: torpor flash {image.board.name}"
        )


def _show_frozen(image: Image, root: Path, own: Path | None) -> None:
    """Print what to build, or write the file to flash with the built firmware ``own``."""
    from ..board.flash.prepare import flash_file

    manifest = image.folder / "frozen" / "manifest.py"
    if own is None:
        click.echo(f"build MicroPython with FROZEN_MANIFEST={manifest}")
        click.echo("docs/custom-firmware.md in torpor's sources explains how")
        click.echo(f"then: torpor build {image.board.name} --frozen --firmware FILE")
        return
    file = flash_file(image, source=own, own=True)
    click.echo(f"{file.relative_to(root)} is the file to flash")


def _show(image: Image, modules: bool) -> tuple[dict[str, Any], Problem | None]:
    """Print the size table of an image.

    Returns:
        Its sizes for the reports, and what is wrong if it leaves too little heap.
    """
    from .heap_room import low_heap, room_of
    from .weighed import weights_of

    weights = weights_of(image, retry=True)
    heap, on_request = (weights.parts, weights.on_request) if weights else ({}, {})
    headings, rows = size_table(image.sizes, heap, on_request, modules=modules)
    print_table(headings, rows, "llrrrr")
    click.echo(f"{image.sizes.total:,} of {image.sizes.capacity:,} bytes of the filesystem")
    _note_room(image)
    click.echo(HEAP_NOTE)
    if on_request:
        click.echo(ON_REQUEST_NOTE)
    problem = None
    if weights:
        room = room_of(image, weights)
        problem = low_heap(image, room)
        click.echo(f"estimate: {image.board.name} will have {room} left")
    return board_document(image, heap, on_request), problem


def _note_room(image: Image) -> None:
    """Print a note if an update may be too large for a board that accepts signed updates."""
    from ..image.littlefs import room_for_two
    from ..image.tree import read_tree

    files = read_tree(image.tree)
    if SIGNERS in files:
        needed, available = room_for_two(files, image.board.board.filesystem)
        if needed > available:
            note(
                f"an update that changes every file needs {needed:,} bytes of flash, and "
                f"{image.board.name} has {available:,}:\n      the board would refuse it; "
                "use torpor deploy instead"
            )
