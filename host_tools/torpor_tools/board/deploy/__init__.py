"""Changing the image of a running board over USB: only what differs, and all of it or nothing.

``deploy`` shows the steps in order. Until the list is committed the old image is valid, afterwards
the new one. ``firmware/swap.py`` ensures this on the board if its power fails.
"""

from __future__ import annotations

import ast
import base64
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from ...errors import UserError, fail
from ...image.tree import LISTING
from ...model.board import Board
from ...paths import firmware_dir
from ..flash.catalogue import Progress
from .repl import BoardError, Repl

_CHUNK = 768  # bytes of a file in one line to the REPL: 1,024 characters
_SPARE_BLOCKS = 4  # for the list and the folders
BYTECODE = 6  # MPY_VERSION of mpy-cross 1.29; MicroPython 1.23 and later read it


@dataclass(frozen=True)
class Changes:
    """The work of a deploy: files to send, and files of the last image to remove."""

    send: tuple[str, ...]
    remove: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.send or self.remove)


def deploy(
    link: Repl, board: Board, files: Mapping[str, bytes], progress: Progress | None = None
) -> Changes:
    """Make ``files`` (path -> content) the image of the board behind ``link``.

    Files on the board that came from no image (a service's data) stay. The board is left in its
    REPL: ``link.reset()`` starts the new image. Raises ``UserError``; the old image is then still
    the valid one, unless the line breaks after the commit: then it is the new one.
    """
    link.run((firmware_dir() / "deploy" / "on_board.py").read_text(encoding="utf-8"))
    free, block = _check_board(link, board)
    changes = _compare(link, files)
    if not changes:
        return changes
    link.run("clear()")
    _check_space(changes, files, free, block)
    try:
        _send(link, changes, files, progress)
        link.run(f"commit({_plan(changes)!r})")
    except BoardError as error:
        _forget(link)
        raise _refused(error) from error
    link.run(_swap())
    return changes


def _check_board(link: Repl, board: Board) -> tuple[int, int]:
    """Free bytes and block size of the filesystem. Raises ``UserError`` for another board."""
    port, machine, mpy, free, block = ast.literal_eval(link.run("about()"))
    if port != board.port or (machine and board.machine not in machine.split()[-1]):
        raise fail(
            f"the board on {link.device} is {machine or port}, not a {board.title}",
            'correct "type" in cluster.toml, or name the other board with --port',
        )
    if mpy != BYTECODE:
        raise fail(
            f"the MicroPython on {link.device} reads bytecode {mpy}, and the image is {BYTECODE}",
            "put the pinned firmware on it first: torpor flash",
        )
    return int(free), int(block)


def _compare(link: Repl, files: Mapping[str, bytes]) -> Changes:
    paths = sorted(files)
    found = link.run(f"digests({['/' + path for path in paths]!r})").split("\n")
    send = [p for p, has in zip(paths, found, strict=False) if has != sha256(files[p]).hexdigest()]
    listed = link.run(f"text('/{LISTING}')").splitlines()
    before = {line[66:] for line in listed if len(line) > 66}
    return Changes(tuple(sorted(send, key=_rank)), tuple(sorted(before - set(files))))


def _rank(path: str) -> tuple[int, str]:
    # On a board that had no torpor, what finishes a change must be there before the rest of it.
    order = {"swap.mpy": 0, "slots.mpy": 0, "boot.py": 1, "main.py": 3, LISTING: 4}
    return order.get(path, 2), path


def _check_space(changes: Changes, files: Mapping[str, bytes], free: int, block: int) -> None:
    needed = sum(-(-len(files[path]) // block) * block for path in changes.send)
    needed += _SPARE_BLOCKS * block
    if needed > free:
        raise fail(
            f"the new files need {needed:,} more bytes, and the board has {free:,}",
            "remove data from the board, or use torpor flash, which needs no room for a second "
            "image\nand erases the board's data",
        )


def _send(
    link: Repl, changes: Changes, files: Mapping[str, bytes], progress: Progress | None
) -> None:
    total = sum(len(files[path]) for path in changes.send)
    done = 0
    for number, path in enumerate(changes.send):
        content = files[path]
        link.run(f"begin({number})")
        for at in range(0, len(content), _CHUNK):
            chunk = content[at : at + _CHUNK]
            link.run(f"add({base64.b64encode(chunk).decode()!r})")
            done += len(chunk)
            if progress:
                progress(done, total)
        if link.run(f"end({number})").strip() != sha256(content).hexdigest():
            _forget(link)
            raise fail(f"{path} was corrupted in transit", "try again, perhaps with another cable")


def _plan(changes: Changes) -> list[str]:
    moves = [f"+{number} {path}" for number, path in enumerate(changes.send)]
    return [*moves, *(f"-{path}" for path in changes.remove)]


def _swap() -> str:
    """The code that makes the change, sent from here because the board may not have it yet."""
    return (firmware_dir() / "swap.py").read_text(encoding="utf-8") + "\nfinish()\n"


def _forget(link: Repl) -> None:
    """Remove what was sent, if the board still answers."""
    with contextlib.suppress(BoardError, UserError):
        link.run("if _file: _file.close()\nclear()")


def _refused(error: BoardError) -> UserError:
    text = str(error).strip()
    last = text.splitlines()[-1]
    if "ENOSPC" in last or last.endswith("28"):
        return fail(
            "the board's filesystem is full; the old image is as it was",
            "remove data from the board, or use torpor flash",
        )
    return fail(f"the board could not take the files: {last}; the old image is as it was", text)
