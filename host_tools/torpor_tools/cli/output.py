"""Tables, notes and progress: for people on a terminal, plain for a pipe or a file."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

import click

if TYPE_CHECKING:
    from ..model.plan import BoardPlan

T = TypeVar("T")
PATIENCE_S = 1.0  # work that takes less time shows no progress


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]], right: str = "") -> None:
    """Print aligned columns; a line is never cut or wrapped, so that it can be copied.

    ``right`` has an ``r`` at the position of each column of figures, to align it to the right.
    """
    if sys.stdout.isatty():
        _print_rich(headings, rows, right)
        return
    table = [*([headings] if headings else []), *rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        cells = [
            cell.rjust(width) if right[i : i + 1] == "r" else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        click.echo("  ".join(cells).rstrip())


def _print_rich(headings: Sequence[str], rows: Sequence[Sequence[str]], right: str) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_header=bool(headings), show_edge=False, pad_edge=False)
    for i in range(len(rows[0])):
        align: Literal["left", "right"] = "right" if right[i : i + 1] == "r" else "left"
        heading = headings[i] if headings else ""
        table.add_column(heading, justify=align, no_wrap=True, style="" if i else "cyan")
    for row in rows:
        table.add_row(*map(Text, row))
    # As wide as the table, not as the terminal.
    Console(width=Console(width=10_000).measure(table).maximum).print(table)


def note(text: str) -> None:
    """Print a note, which is not an error, on stderr."""
    click.echo(f"{click.style('note', fg='yellow', bold=True)}: {text}", err=True)


@contextmanager
def busy(text: str) -> Iterator[None]:
    """Show ``text`` with a spinner if the block takes longer than a second (terminal only)."""
    if not sys.stderr.isatty():
        yield
        return
    done = threading.Event()
    spinner = threading.Thread(target=_spin, args=(text, done), daemon=True)
    spinner.start()
    try:
        yield
    finally:
        done.set()
        spinner.join()


@contextmanager
def progress_bar(text: str) -> Iterator[Callable[[int, int | None], None]]:
    """A callback for progress: bytes done and, if known, bytes in total.

    From the first call on, a terminal shows ``text`` and a bar; a pipe shows nothing.
    """
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    bar = Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty())
    task = bar.add_task(text, total=None, start=False)

    def show(done: int, total: int | None) -> None:
        if not bar.live.is_started:
            bar.start()
            bar.start_task(task)
        bar.update(task, completed=done, total=total)

    try:
        yield show
    finally:
        bar.stop()


@contextmanager
def counting(text: str, total: int) -> Iterator[Callable[[Iterable[T]], Iterator[T]]]:
    """Return a function that yields items and counts them, for a bar on a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    hidden = not sys.stderr.isatty()
    with Progress(*columns, console=Console(stderr=True), disable=hidden, transient=True) as bar:
        task = bar.add_task(text, total=total)

        def count(items: Iterable[T]) -> Iterator[T]:
            bar.reset(task)
            for item in items:
                yield item
                bar.advance(task)

        yield count


def _spin(text: str, done: threading.Event) -> None:
    if done.wait(PATIENCE_S):
        return
    from rich.console import Console

    with Console(stderr=True).status(text):
        done.wait()


def show_left_out(board: BoardPlan, root: Path) -> None:
    """Print the files of the board's services that do not go into its image, and why.

    Files that editors and Python leave next to sources are listed only in ``static/``.
    """
    from ..files import left_out

    for service in board.services:
        static = service.folder / "static"
        entries = [
            *left_out(static, within=service.folder),
            *(e for e in left_out(service.folder) if not e.usual),
        ]
        for entry in sorted({e.path: e for e in entries}.values(), key=lambda e: e.path):
            if entry.path.relative_to(service.folder).parts[0] != "tests":
                name = entry.path.relative_to(root).as_posix()
                click.echo(f"left out: {name} ({entry.why})")


def show_files(folder: Path, files: Sequence[Path]) -> None:
    """Print the files that were written, relative to ``folder``."""
    for file in files:
        click.echo(f"wrote {file.relative_to(folder)}")
