"""Receives the bytes of an update, and reports what the board runs.

No call leaves anything in the heap: what has arrived is in ``/.new``, so an update goes on after a
lost connection or a power cut, and the board's memory is free between two calls. The order is
``head`` (the bytes of the manifest), ``check`` (its signature; which files are needed), ``put``
(pieces of files), ``commit``. ``slots.py`` explains what happens then.
"""

import os
import sys
from binascii import a2b_base64, hexlify, unhexlify

from micropython import const

from .. import kernel
from ..cold import cold
from ..service import Fault
from . import files

_PIECE = const(1024)  # bytes of a file in a call, before they are compressed
_WINDOW = const(10)  # bits of the window of deflate: what a piece has
_LISTED = const(4096)  # bytes of image.txt in an answer
_MAX_MANIFEST = const(32768)  # bytes
_MAX_LINE = const(240)  # as in manifest.py, whose code is not loaded here to save heap


@cold
class Steps:
    """Requests of ``torpor update``. Each raises ``Fault``."""

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

    async def head(at: int, data: str) -> int:
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
        new = _inflated(data, _PIECE)
        if have + len(new) > _MAX_MANIFEST:
            raise Fault(413, "the manifest has more than %d bytes" % _MAX_MANIFEST)
        with open(files.NEW + "head", "ab") as file:
            file.write(new)
        return have + len(new)

    async def put(line: int, at: int, data: str) -> int:
        """Append bytes to a file of the manifest, and return how many there are."""
        digest, size, path, name = _line_at(line)
        have = max(0, files.size_of(files.NEW + name))
        if at != have:
            return have
        new = _inflated(data, min(_PIECE, size - have))
        with open(files.NEW + name, "ab") as file:
            file.write(new)
        have += len(new)
        if have == size and await files.digest_of(files.NEW + name) != digest:
            files.remove(files.NEW + name)
            raise Fault(422, "%s is not what was signed" % path)
        return have

    async def cancel() -> None:
        """Forget what has arrived."""
        files.clear(files.NEW)


def _line_at(place: int) -> tuple:
    """Return digest, size, path and name of the line that begins at that place.

    ``check`` has found that all lines are valid, so this needs no more code than it has.
    """
    try:
        with open(files.NEW + "manifest", "rb") as file:
            file.seek(max(0, place - 1))
            if place > 0 and file.read(1) == b"\n":
                line = file.readline(_MAX_LINE)
                digest, size, path = str(line, "utf-8")[:-1].split(" ", 2)
                return unhexlify(digest), int(size), path, files.name_of(line)
    except OSError:
        raise Fault(409, "there is no manifest that was checked")
    except ValueError:
        pass
    raise Fault(400, "no file of the manifest")


def _inflated(data: str, most: int) -> bytes:
    """Return the decompressed data. Raises ``Fault`` if that is more than ``most`` bytes."""
    from io import BytesIO

    import deflate

    try:
        new = deflate.DeflateIO(BytesIO(_base64(data)), deflate.RAW, _WINDOW).read(most + 1)
    except (OSError, EOFError):
        raise Fault(400, "data is not compressed with deflate")
    if len(new) > most:
        raise Fault(413, "data: expected at most %d bytes" % most)
    return new


def _base64(text: str) -> bytes:
    try:
        return a2b_base64(text)
    except ValueError:
        raise Fault(400, "expected base64")


def _is_production() -> bool:
    with open("/boot.py") as file:
        return "kbd_intr" in file.read()
