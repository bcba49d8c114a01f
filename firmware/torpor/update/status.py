"""Reports what the board runs, and discards an unfinished update."""

import os
import sys
from binascii import hexlify

from micropython import const

from .. import kernel
from ..cold import cold
from . import files, state

_LISTED = const(4096)  # bytes of image.txt in one answer


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
            "counter": state.counter(),
            "firmware": "%d.%d.%d" % sys.implementation.version[:3],
            "machine": os.uname()[4],
            "production": _is_production(),
            "free": fs[0] * fs[3],
            "trial": state.read("/.trial"),
            "failed": state.read("/.failed"),
            "down": kernel.current.failed,
            "data": _services_with_data(),
        }

    async def listing(at: int) -> bytes:
        """Return bytes of the list of the image's files, ``image.txt``."""
        with open("/image.txt", "rb") as file:
            file.seek(at)
            return file.read(_LISTED)

    async def cancel() -> None:
        """Discard everything that has arrived."""
        files.clear(files.NEW)


def _services_with_data() -> list:
    """Return the names of the services that have data, also if they are not in this image."""
    names = []
    try:
        for entry in os.ilistdir("/data"):
            if entry[1] == 0x4000 and "." not in entry[0]:  # a dot: a database of the runtime
                names.append(entry[0])
    except OSError:
        pass  # nothing has been stored yet
    return names


def _is_production() -> bool:
    with open("/boot.py") as file:
        return "kbd_intr" in file.read()
