"""Receives the bytes of an update.

No call leaves anything in the heap. Everything that has arrived is in ``/.new``, so an update
continues after a lost connection or a power cut, and needs no memory between two calls. The order
is ``head`` (the bytes of the manifest), ``check`` (its signature; which files are needed), ``put``
(pieces of files), ``commit``. ``slots.py`` explains the rest.
"""

import os
from binascii import unhexlify

from micropython import const

from .. import Fault
from ..cold import cold
from . import files

_MAX_MANIFEST = const(32768)  # bytes


@cold
async def head(at: int, data: bytes) -> int:
    """Append bytes to the manifest, and return how many there are."""
    if ".trial" in os.listdir("/"):
        raise Fault(409, "the last update is on trial")
    files.mkdir(files.NEW)
    if at == 0:
        files.remove(files.NEW + "head")
        files.remove(files.NEW + "manifest")
    have = max(0, files.size_of(files.NEW + "head"))
    if at != have:
        return have
    if have + len(data) > _MAX_MANIFEST:
        raise Fault(413, "the manifest has more than %d bytes" % _MAX_MANIFEST)
    with open(files.NEW + "head", "ab") as file:
        file.write(data)
    return have + len(data)


@cold
async def put(line: int, at: int, data: bytes) -> int:
    """Append bytes to a file of the manifest, and return how many there are."""
    digest, size, path, name = _line_at(line)
    have = max(0, files.size_of(files.NEW + name))
    if at != have:
        return have
    if have + len(data) > size:
        raise Fault(413, "%s has no more than %d bytes" % (path, size))
    with open(files.NEW + name, "ab") as file:
        file.write(data)
    have += len(data)
    if have == size and await files.digest_of(files.NEW + name) != digest:
        files.remove(files.NEW + name)
        raise Fault(422, "%s is not what was signed" % path)
    return have


def _line_at(place: int) -> tuple:
    """Return digest, size, path and name of the line that begins at that offset.

    ``check`` has verified that all lines are valid, so this does not check them again.
    """
    try:
        with open(files.NEW + "manifest", "rb") as file:
            file.seek(max(0, place - 1))
            if place > 0 and file.read(1) == b"\n":
                line = file.readline()
                digest, size, path = str(line, "utf-8")[:-1].split(" ", 2)
                return unhexlify(digest), int(size), path, files.name_of(line)
    except OSError:
        raise Fault(409, "there is no manifest that was checked")
    except ValueError:
        pass
    raise Fault(400, "no file of the manifest")
