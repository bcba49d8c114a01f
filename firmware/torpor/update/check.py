"""Checks a manifest that has arrived: whether it is genuine, for this board, and newer."""

import asyncio
import os
import sys
from binascii import a2b_base64

from micropython import const

from .. import kernel
from ..cold import cold
from ..service import Fault
from . import files, manifest
from .signature import genuine

_KEYS = "/signing.pub"
_SPARE = const(8)  # blocks of the filesystem for lists and folders


@cold
async def check(signature: str) -> dict:
    """Verify the manifest and return which files are needed: ``[[line, bytes there], ...]``.

    A line is given by the place in the manifest where it begins.
    """
    try:
        needed = await _checked(files.NEW + "head", a2b_base64(signature))
    except (Fault, ValueError) as e:
        files.remove(files.NEW + "head")
        if isinstance(e, Fault):
            raise
        raise Fault(400, "the manifest is not valid: %s" % e)
    os.rename(files.NEW + "head", files.NEW + "manifest")
    return {"needed": needed}


@cold
async def _checked(path: str, signature: bytes) -> list:
    """Verify a manifest and return which of its lines are needed."""
    with open(_KEYS, "rb") as file:
        keys = file.read(768)
    if not genuine(await files.digest_of(path), signature, keys):
        raise Fault(403, "the manifest is not signed with a key that this board knows")
    with open(path, "rb") as file:
        await _accept(file)
    with open(path, "rb") as file:
        return await _needed(file)


@cold
async def _accept(file) -> None:
    """Check all of a manifest that is signed. Raises ``Fault`` or ``ValueError``."""
    fields = manifest.head(file.readline)
    cluster = kernel.current.cluster
    if (fields["cluster"], fields["board"]) != (cluster.NAME, cluster.BOARD):
        raise Fault(409, "the update is for %s of %s" % (fields["board"], fields["cluster"]))
    if fields["counter"] <= files.counter():
        raise Fault(409, "the update is older than one that was here: its counter is not above it")
    if tuple(sys.implementation.version[:3]) < fields["firmware"]:
        raise Fault(409, "the update needs MicroPython %d.%d.%d: flash it" % fields["firmware"])
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


@cold
async def _needed(file) -> list:
    """Return the lines whose files differ. Remnants of other updates are removed."""
    needed: list = []
    keep = ["head"]
    fs = os.statvfs("/")
    blocks = _SPARE
    manifest.head(file.readline)
    while True:
        at = file.tell()
        line = file.readline(manifest.MAX_LINE)
        if not line:
            break
        digest, size, path = manifest.entry(line)
        if await files.digest_of("/" + path) == digest:
            continue
        name = files.name_of(line)
        if files.size_of(files.OLD + name) == size:
            os.rename(files.OLD + name, files.NEW + name)
        have = max(0, files.size_of(files.NEW + name))
        if have > size or (have == size and await files.digest_of(files.NEW + name) != digest):
            files.remove(files.NEW + name)
            have = 0
        keep.append(name)
        blocks += (size - have) // fs[0] + 1
        if "/" not in path:
            blocks += files.size_of("/" + path) // fs[0] + 1  # see _plan
        needed.append([at, have])
    for name in os.listdir("/.new"):
        if name not in keep:
            files.remove(files.NEW + name)
    files.clear(files.OLD)
    free = os.statvfs("/")[3]
    if blocks > free:
        raise Fault(
            507,
            "the new files need %d more bytes, and %d are free" % (blocks * fs[0], free * fs[0]),
        )
    return needed
