"""Receives the bytes of an update.

No call leaves anything in the heap. Everything that has arrived is in ``/.new``, so an update
continues after a lost connection or a power cut, and needs no memory between two calls. The order
is ``head`` (the bytes of the manifest), ``check`` (its signature; which files are needed), ``put``
(pieces of files), ``commit``. ``slots.py`` explains the rest.
"""

import os
from binascii import hexlify, unhexlify
from hashlib import sha256

from micropython import const

from .. import Fault
from ..cold import cold

_MAX_MANIFEST = const(32768)  # bytes
_MAX_LINE = const(240)  # bytes
_NEW = const(b"/.new/")


@cold
async def head(at: int, data: bytes) -> int:
    """Append bytes to the manifest, and return how many there are."""
    if ".trial" in os.listdir("/"):
        raise Fault(409, "the last update is on trial")
    if ".new" not in os.listdir("/"):
        os.mkdir("/.new")
    if at == 0:
        for name in os.listdir("/.new"):
            if name == "head" or name == "manifest":
                os.remove("/.new/" + name)
    with open("/.new/head", "ab") as file:
        have = file.seek(0, 2)
        if at != have:
            return have
        if have + len(data) > _MAX_MANIFEST:
            raise Fault(413, "the manifest has more than %d bytes" % _MAX_MANIFEST)
        file.write(data)
    return have + len(data)


@cold
async def put(line: int, at: int, data: bytes) -> int:
    """Append bytes to a file of the manifest, and return how many there are.

    Only the last piece of a file needs ``files``: to load it takes as long as to write a piece.
    """
    digest, size, path, name = _line_at(line)
    with open(name, "ab") as file:
        have = file.seek(0, 2)
        if at != have:
            return have
        if have + len(data) > size:
            raise Fault(413, "%s has no more than %d bytes" % (str(path, "utf-8"), size))
        file.write(data)
    file = None  # it takes 1.2 kB of heap as long as a variable refers to it
    have += len(data)
    if have == size:
        from . import files

        if await files.digest_of(name) != digest:
            files.remove(name)
            raise Fault(422, "%s is not what was signed" % str(path, "utf-8"))
    return have


def _line_at(place: int) -> tuple:
    """Return digest, size, path and the file in ``/.new`` of the line that begins at that offset.

    ``check`` has verified that all lines are valid, so this does not check them again.
    """
    try:
        with open("/.new/manifest", "rb") as file:
            file.seek(max(0, place - 1))
            line = file.read(1 + _MAX_LINE)
    except OSError:
        raise Fault(409, "there is no manifest that was checked")
    end = line.find(b"\n", 1) + 1
    try:
        if place > 0 and line[:1] == b"\n" and end:
            line = line[1:end]
            digest, size, path = line[:-1].split(b" ", 2)  # a str takes longer to make
            name = hexlify(sha256(line).digest()[:8])  # as files.name_of
            return unhexlify(digest), int(size), path, str(_NEW + name, "utf-8")
    except ValueError:
        pass
    raise Fault(400, "no file of the manifest")
