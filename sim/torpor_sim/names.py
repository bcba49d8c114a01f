"""The table of names of a simulated ESP32: when it should grow.

MicroPython doubles the table in one piece, here to 1,280 names in 14 kB. The shims have so many
names that a small image comes there while it runs, when the heap may have no such piece; on the
chip, where most names are in the firmware, it does not. So such a board grows it at the start.
"""

from __future__ import annotations

from pathlib import Path

_TABLE = 1270  # names for which there is room before the table of 1,280 is added
_SHIMS = 500  # names of the shims that each program has, as measured; others come later
_OTHERS = 250
_MOST = 1000  # of an image that does not come to the end of the larger table, so widened


def comes_late(tree: Path) -> bool:
    """Whether the table would grow after the start, by the names in the image's .mpy files."""
    names: set[bytes] = set()
    for path in tree.rglob("*.mpy"):
        names.update(_names(path.read_bytes()))
    return _SHIMS + len(names) + _OTHERS > _TABLE and len(names) < _MOST


def _names(data: bytes) -> list[bytes]:
    """Return the names in a .mpy file that MicroPython lacks: docs/reference/mpyfiles.rst."""
    count, at = _number(data, 4)
    _, at = _number(data, at)  # the objects
    found = []
    for _ in range(count):
        size, at = _number(data, at)
        if not size & 1:
            found.append(data[at : at + size // 2])
            at += size // 2 + 1
    return found


def _number(data: bytes, at: int) -> tuple[int, int]:
    """Return the number at a place, and where it ends."""
    number = 0
    while True:
        byte = data[at]
        at += 1
        number = number << 7 | byte & 0x7F
        if byte < 0x80:
            return number, at
