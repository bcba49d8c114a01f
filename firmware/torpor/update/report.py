"""Reports which files of an update the board lacks."""

import os
from binascii import unhexlify

from micropython import const

from .. import Fault
from ..cold import cold
from . import files

_SPARE = const(8)  # blocks of the filesystem for lists and folders


@cold
async def needed() -> list:
    """Return the lines whose files differ: ``[[line, bytes there], ...]``.

    Also remove the remains of other updates. A line is identified by its offset in the manifest.
    Raises ``Fault`` if there is not enough room.
    """
    found: list = []
    keep = ["head"]
    block = os.statvfs("/")[0]
    blocks = _SPARE
    at = 0
    listed = False  # below the empty line
    for line in files.lines(files.NEW + "head"):
        if listed:
            have, more = await _needed(line, block, keep)
            if more:
                blocks += more
                found.append([at, have])
        elif line == b"\n":
            listed = True
        at += len(line)
    for name in os.listdir("/.new"):
        if name not in keep:
            files.remove(files.NEW + name)
    files.clear(files.OLD)
    _clear_dropped()
    free = os.statvfs("/")[3]
    if blocks > free:
        raise Fault(
            507,
            "the new files need %d more bytes, and %d are free" % (blocks * block, free * block),
        )
    return found


@cold
def _clear_dropped() -> None:
    """Remove what an earlier update dropped, if its image could not do that."""
    if ".dropped" in os.listdir("/"):
        import slots

        slots.remove("/.dropped")


@cold
async def _needed(line: bytes, block: int, keep: list) -> tuple:
    """Return how many bytes of a file are here, and how many blocks it still needs."""
    text, size, path = str(line, "utf-8")[:-1].split(" ", 2)
    digest = unhexlify(text)
    if await files.digest_of("/" + path) == digest:
        return 0, 0
    name = files.name_of(line)
    length = int(size)
    if files.size_of(files.OLD + name) == length:
        os.rename(files.OLD + name, files.NEW + name)
    have = max(0, files.size_of(files.NEW + name))
    if have > length or (have == length and await files.digest_of(files.NEW + name) != digest):
        files.remove(files.NEW + name)
        have = 0
    keep.append(name)
    blocks = (length - have) // block + 1
    if "/" not in path:
        blocks += files.size_of("/" + path) // block + 1  # see plan.py
    return have, blocks
