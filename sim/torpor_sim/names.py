"""The table of names of a simulated ESP32: when it should grow.

MicroPython doubles the table in one piece, here to 1,280 names in 14 kB. The shims have so many
names that a small image reaches that size while it runs, when the heap may have no such piece. On
the chip, where most names are in the firmware, it does not. So such a board grows the table at the
start.
"""

from __future__ import annotations

from pathlib import Path

from torpor_tools.bytecode import names_of

_TABLE = 1260  # names for which there is room before the table of 1,280 is added
_SHIMS = 500  # names of the shims that each program has, as measured; others come later
_OTHERS = 250
_MOST = 1000  # names of an image that does not fill the larger table as well


def comes_late(tree: Path) -> bool:
    """Return whether the table would grow after the start, by the names in the image's files."""
    names = {name for path in tree.rglob("*.mpy") for name in names_of(path.read_bytes())}
    return _SHIMS + len(names) + _OTHERS > _TABLE and len(names) < _MOST
