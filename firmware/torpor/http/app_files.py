"""Files that Microdot's ``send_file`` does not find under the name that it was given. An overlay.

An application knows its files by their names in its own folder, and the build stores texts only
compressed: ``static/page.html`` is ``services/<name>/static/page.html.gz`` on the board.
"""

from errno import ENOENT

from deflate import GZIP, DeflateIO
from micropython import const

from .. import cold
from .microdot_adapter import current

cold.until_collected(__name__)

_WINDOW_BITS = const(12)  # as the build compresses, see ``image/tree.py``


def find(name: str, mode: str):
    """Open the file for reading. Raises ``OSError``."""
    if "w" in mode or "a" in mode:
        raise OSError(ENOENT)
    names = [name]
    connection = current()
    if connection and name[:1] != "/":
        names.append("services/%s/%s" % (connection.listener.name, name))
    for each in names:
        for make in (open, _Packed):
            try:
                return make(each, mode)
            except OSError as e:
                if e.errno != ENOENT:
                    raise
    raise OSError(ENOENT)


class _Packed:
    """A file that the board has compressed. It reads as the file that was compressed."""

    _unpacked = None

    def __init__(self, name: str, mode: str) -> None:
        self.packed = open(name + ".gz", "rb")

    def read(self, n: int = -1) -> bytes:
        if self._unpacked is None:
            self._unpacked = DeflateIO(self.packed, GZIP, _WINDOW_BITS)
        return self._unpacked.read(n)

    def close(self) -> None:
        self.packed.close()
