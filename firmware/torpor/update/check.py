"""Checks whether a signed manifest is valid, for this board, and newer than the last one."""

import asyncio
import sys

from .. import kernel
from ..cold import cold
from ..service import Fault
from . import files, manifest


@cold
async def check() -> None:
    """Check the complete manifest. Raises ``Fault`` or ``ValueError``."""
    with open(files.NEW + "head", "rb") as file:
        _check_head(manifest.head(file.readline))
        last = ""
        start = 0
        while True:
            line = file.readline(manifest.MAX_LINE)
            if not line:
                break
            path = manifest.entry(line)[2]
            if path <= last:
                raise ValueError("the order of the paths")
            last = path
            start += path in ("boot.py", "image.txt", "main.py")
            await asyncio.sleep_ms(0)
    if start != 3:
        raise ValueError("files that the board needs to start are missing")


def _check_head(fields: dict) -> None:
    cluster = kernel.current.cluster
    if (fields["cluster"], fields["board"]) != (cluster.NAME, cluster.BOARD):
        raise Fault(409, "the update is for %s of %s" % (fields["board"], fields["cluster"]))
    if fields["counter"] <= files.counter():
        raise Fault(409, "the update is older than one that was here: its counter is not above it")
    if tuple(sys.implementation.version[:3]) < fields["firmware"]:
        raise Fault(409, "the update needs MicroPython %d.%d.%d: flash it" % fields["firmware"])
