"""Flashing an RP2040 or RP2350: a ``.uf2`` is copied to the drive that its boot loader shows.

The boot loader is in the chip's ROM, so the board can be flashed again whatever goes wrong here.
It takes each block as it comes, and starts the new firmware when it has the last one. Then the
drive disappears.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from pathlib import Path

from ...errors import UserError, fail
from ...image import uf2
from ...model.board import Board
from . import find
from .catalogue import Progress
from .find import Drive

_CHUNK = 1 << 16
_POLL_S = 0.1
_AGAIN = "hold BOOTSEL while you plug it in, then run the same command again"


def flash(
    file: Path,
    board: Board,
    drive: Drive,
    *,
    progress: Progress | None = None,
    patience_s: float = 20.0,
) -> None:
    """Write ``file`` to the drive and wait up to ``patience_s`` for the board to take it.

    Every block of the file is checked first. Raises ``UserError``; the board is then still in its
    boot loader, or enters it with BOOTSEL.
    """
    if drive.chip != board.chip:
        raise fail(
            f"the board at {drive.path} has an {drive.chip}, and {board.name} an {board.chip}",
            'correct "type" in cluster.toml, or plug in the other board',
        )
    content = file.read_bytes()
    uf2.read(content, board)
    _write(content, drive.path / file.name, progress or _silent)
    if not _gone(drive.path, patience_s):
        raise fail(
            f"the board at {drive.path} has not taken the file: its drive is still there",
            _AGAIN,
        )


def wait_for_drive(board: Board, patience_s: float) -> Drive:
    """The drive of a board that was sent into its boot loader. Raises ``UserError``."""
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        if found := find.drives():
            return the_drive(found, board)
        time.sleep(_POLL_S)
    raise fail(
        f"the {board.title} went into its boot loader, but no drive showed up",
        "mount it (its label is RPI-RP2 or RP2350) and name the folder: --drive DIR",
    )


def the_drive(found: list[Drive], board: Board) -> Drive:
    """The one of the drives that fits. Raises ``UserError`` for none that fits, and for two."""
    fitting = [drive for drive in found if drive.chip == board.chip] or found
    if len(fitting) > 1:
        shown = ", ".join(str(drive.path) for drive in fitting)
        what = f"{len(fitting)} boards are in their boot loader: {shown}"
        raise fail(what, "choose one with --drive DIR")
    return fitting[0]


def _write(content: bytes, target: Path, progress: Callable[[int, int | None], None]) -> None:
    done = 0
    try:
        with target.open("wb", buffering=0) as out:
            while done < len(content):
                done += out.write(content[done : done + _CHUNK])
                progress(done, len(content))
            os.fsync(out.fileno())
    except OSError as error:
        # After the last block the board starts the firmware and takes its drive away at once.
        if done < len(content) or (target.parent / target.name).exists():
            raise _cannot_write(target.parent, done, len(content), error) from error


def _cannot_write(drive: Path, done: int, total: int, error: OSError) -> UserError:
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return fail(
            f"you may not write to {drive}", "mount the drive with write permission, then try again"
        )
    if error.errno == errno.ENOSPC:
        return fail(f"{total:,} bytes do not fit on {drive}", "is that a board's BOOTSEL drive?")
    return fail(
        f"the board at {drive} went away after {done:,} of {total:,} bytes ({error.strerror})",
        f"check the cable; {_AGAIN}",
    )


def _gone(drive: Path, patience_s: float) -> bool:
    end = time.monotonic() + patience_s
    while find.drive_at(drive) is not None:
        if time.monotonic() > end:
            return False
        time.sleep(_POLL_S)
    return True


def _silent(done: int, total: int | None) -> None:
    pass
