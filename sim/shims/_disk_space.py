"""The size of the board's filesystem: writing beyond it fails with ENOSPC, as on the chip.

A file is in a folder of the host, which has no such limit. ``_limited_file`` checks each write. The
runtime gets the host's own files while there is much room: that takes less of the heap. What is
counted is what LittleFS takes, without its copies: whole blocks of a file, and two for each folder.
"""

import builtins
import os

from _sim import facts

BLOCK = 4096  # bytes; erase sector of the flash chips on all boards
_NEAR = 16  # blocks; no file that the runtime keeps open grows by so much
_IMAGE = ("services", "torpor", ".sim")  # the host has counted these

native = builtins.open
_uncounted = 0  # how many hidden files can be opened before the blocks are counted again


def blocks(size):
    """The blocks that a file of ``size`` bytes takes."""
    return (size + BLOCK - 1) // BLOCK


def _taken(folder):
    total = 2
    for entry in os.ilistdir(folder or "/"):
        if folder or entry[0] not in _IMAGE:
            path = folder + "/" + entry[0]
            total += _taken(path) if entry[1] == 0x4000 else blocks(os.stat(path)[6])
    return total


def free():
    """The blocks that are left."""
    global _uncounted
    left = max(0, facts["blocks"] - _taken(""))
    _uncounted = left // _NEAR - 1
    return left


def statvfs(path):
    left = free()
    return (BLOCK, BLOCK, facts["whole"], left, left, 0, 0, 0, 0, 255)


def _is_of_runtime(path):
    if path[:2] == "/.":  # records of crashes, updates
        return True
    return path[:6] == "/data/" and (path.count("/") > 2 or path[6:11] == "state")


def _is_nearly_full(path):
    global _uncounted
    if _uncounted > 0 and path[:2] == "/.":  # small, or closed after each kB
        _uncounted -= 1
        return False
    return free() < _NEAR


def _open(path, mode="r", *args, **options):
    writes = "w" in mode or "a" in mode or "+" in mode
    if writes and path[:6] != "/.sim/" and (not _is_of_runtime(path) or _is_nearly_full(path)):
        from _limited_file import File

        return File(path, mode)
    return native(path, mode, *args, **options)


def install():
    builtins.open = _open  # type: ignore[assignment]
    os.statvfs = statvfs
