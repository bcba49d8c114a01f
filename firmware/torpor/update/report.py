"""Reports what the board runs and which files it lacks, and discards an unfinished update."""

import os
import sys
from binascii import hexlify, unhexlify

from micropython import const

from .. import Fault, kernel
from ..cold import cold
from . import files

_LISTED = const(4096)  # bytes of image.txt in one answer
_SPARE = const(8)  # blocks of the filesystem for lists and folders


@cold
class Steps:
    """Requests of ``torpor update``."""

    async def status() -> dict:
        """Return what the board runs, and how the last update ended."""
        fs = os.statvfs("/")
        cluster = kernel.current.cluster
        return {
            "cluster": cluster.NAME,
            "board": cluster.BOARD,
            "build": hexlify((await files.digest_of("/image.txt"))[:8]).decode(),
            "counter": files.counter(),
            "firmware": "%d.%d.%d" % sys.implementation.version[:3],
            "machine": os.uname()[4],
            "production": _is_production(),
            "free": fs[0] * fs[3],
            "trial": files.read("/.trial"),
            "failed": files.read("/.failed"),
            "down": kernel.current.failed,
        }

    async def listing(at: int) -> bytes:
        """Return bytes of the list of the image's files, ``image.txt``."""
        with open("/image.txt", "rb") as file:
            file.seek(at)
            return file.read(_LISTED)

    async def cancel() -> None:
        """Discard everything that has arrived."""
        files.clear(files.NEW)


def _is_production() -> bool:
    with open("/boot.py") as file:
        return "kbd_intr" in file.read()


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
    with open(files.NEW + "head", "rb") as file:
        while files.read_line(file) != b"\n":
            pass
        while True:
            at = file.tell()
            line = files.read_line(file)
            if not line:
                break
            have, more = await _needed(line, block, keep)
            if more:
                blocks += more
                found.append([at, have])
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
        blocks += files.size_of("/" + path) // block + 1  # see _plan
    return have, blocks
