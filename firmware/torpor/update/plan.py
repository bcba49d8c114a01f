"""Writes ``/.new/list``: what ``slots.py`` changes to make an update of the image.

An open file takes 1.2 kB of heap, also once it is closed, as long as a variable refers to it.
Hashing opens one, so these functions have none open meanwhile.
"""

import asyncio
from binascii import unhexlify

from micropython import const

from .. import Fault
from ..cold import cold
from . import files

_LINES = const(4)  # of the list that are kept in the heap


@cold
async def plan() -> None:
    """Write the list of the manifest that was checked. Raises ``Fault``."""
    if files.size_of(files.NEW + "manifest") < 0:
        raise Fault(409, "there is no manifest that was checked")
    at = 0
    for line in files.lines(files.NEW + "manifest"):
        at += len(line)
        if line == b"\n":
            break
    files.remove(files.NEW + "list")
    planned: list = []
    # First what is removed, because a folder may take its path.
    await _plan_removed(planned, at)
    await _plan_changed(planned, at)
    _append(planned)


@cold
def _entry(line: bytes) -> tuple:
    """Return SHA-256, size and path of a file's line."""
    digest, size, path = str(line, "utf-8")[:-1].split(" ", 2)
    return unhexlify(digest), int(size), path


@cold
async def _plan_removed(planned: list, at: int) -> None:
    """Plan the files of the image that the new one lacks. Both lists are sorted."""
    new = files.lines(files.NEW + "manifest", at)
    path = _next_path(new)
    for line in files.lines("/image.txt"):
        before = str(line, "utf-8")[66:].rstrip("\n")
        while path and path < before:
            path = _next_path(new)
        if path != before and before != "secrets.json":
            _plan(planned, "-", before, await files.digest_of("/" + before))
        await asyncio.sleep_ms(0)


@cold
def _next_path(lines) -> str:
    """Return the next path of a manifest; empty behind the last one."""
    for line in lines:
        return str(line, "utf-8")[:-1].split(" ", 2)[2]
    return ""


@cold
async def _plan_changed(planned: list, at: int) -> None:
    for line in files.lines(files.NEW + "manifest", at):
        digest, size, path = _entry(line)
        before = await files.digest_of("/" + path)
        if before != digest:
            name = files.name_of(line)
            if (
                files.size_of(files.NEW + name) != size
                or await files.digest_of(files.NEW + name) != digest
            ):
                raise Fault(409, "%s has not arrived" % path)
            _plan(planned, name, path, before)


@cold
def _plan(planned: list, new: str, path: str, digest: bytes) -> None:
    """Add the line of a file that is replaced or removed, whose SHA-256 was ``digest``."""
    if digest:
        line = files.line_of(digest, files.size_of("/" + path), path)
        planned.append("%s %s %s\n" % (new, files.name_of(line), path))
    elif new != "-":  # otherwise it is in the image's list, but not on the board
        planned.append("%s - %s\n" % (new, path))
    if len(planned) == _LINES:
        _append(planned)


@cold
def _append(planned: list) -> None:
    """Move the lines to ``/.new/list``."""
    with open(files.NEW + "list", "a") as file:
        file.write("".join(planned))
    planned.clear()
