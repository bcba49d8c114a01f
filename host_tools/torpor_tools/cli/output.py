"""Tables, notes and a sign of life: for people on a terminal, plain for a pipe or a file."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

PATIENCE_S = 1.0  # work that takes less shows nothing


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]], right: str = "") -> None:
    """Print aligned columns; a line is never cut or wrapped, so that it can be copied.

    ``right`` holds ``r`` at the position of each column of figures, which is aligned to the right.
    """
    table = [*([headings] if headings else []), *rows]
    if not table:
        return
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for number, row in enumerate(table):
        cells = [
            cell.rjust(width) if right[i : i + 1] == "r" else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        line = "  ".join(cells).rstrip()
        click.echo(click.style(line, bold=True) if headings and number == 0 else line)


def note(text: str) -> None:
    """Tell what is no mistake but worth knowing, on stderr."""
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


def _spin(text: str, done: threading.Event) -> None:
    if done.wait(PATIENCE_S):
        return
    from rich.console import Console

    with Console(stderr=True).status(text):
        done.wait()


def show_files(folder: Path, files: Sequence[Path]) -> None:
    """Print the files that were written, relative to ``folder``."""
    for file in files:
        click.echo(f"wrote {file.relative_to(folder)}")
