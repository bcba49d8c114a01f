"""The locations of a table's rows in flash.

A table is a sequence of *leaves*: files of about 16 kB with disjoint ranges of keys in ascending
order. A leaf's name contains the key at which its range begins, so a table is opened without
reading it. A leaf is a sequence of *blocks*: records of about 1 kB, a line of keys and then a line
for each row. RAM holds the first key and the offset of every block in the leaves that have been
used.
"""

from array import array
from binascii import hexlify
from json import loads

from . import segment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def bisect(keys: "Any", key: "Any") -> int:
    """Return the number of the sorted ``keys`` that are less than ``key``."""
    low, high = 0, len(keys)
    if high and keys[-1] < key:
        return high
    while low < high:
        middle = (low + high) >> 1
        if keys[middle] < key:
            low = middle + 1
        else:
            high = middle
    return low


def range_of(keys: "Any", key: "Any", below: bool = False) -> int:
    """Return the index of the range that contains ``key``, or the greatest key below it.

    The first range has no lower limit and the last one no upper limit; None is that limit.
    """
    if key is None:
        return max(0, len(keys) - 1) if below else 0
    n = bisect(keys, key)
    if not below and n < len(keys) and keys[n] == key:
        return n
    return max(0, n - 1)


def split(data: "Any") -> tuple[list, list[bytes]]:
    """Return the keys of a block, and the text of each row."""
    texts = segment.values(data)
    return loads(texts.pop(0)), texts


class Leaves:
    """The leaves of a table. Their files begin with ``prefix``, and their ranges at ``bounds``."""

    lost = 0  # damaged records seen
    file: "Any" = None
    key: "Any" = None  # the bound of the leaf whose file is open

    def __init__(self, prefix: str, bounds: list) -> None:
        bounds.sort()
        self.prefix = prefix
        self.bounds = bounds
        self.maps: list = [None] * len(bounds)

    def path(self, key: "Any") -> str:
        """Return the path of the leaf that begins at ``key``."""
        if isinstance(key, str):
            key = "x" + str(hexlify(key.encode()), "utf-8")
        return "%s.%s" % (self.prefix, key)

    def close(self) -> None:
        """Close the file that is open for reading, if any; it may be about to change."""
        if self.file:
            self.file.close()
            self.file = None

    def opened(self, i: int) -> "Any":
        """Return the file of a leaf, open for reading."""
        key = self.bounds[i]
        if not self.file or self.key != key:
            self.close()
            self.file = open(self.path(key), "rb")
            self.key = key
        return self.file

    def map(self, i: int) -> tuple:
        """Return a leaf's blocks: first keys, offsets (and the file's end), number of rows."""
        if i >= len(self.bounds):
            return (), (), 0
        if self.maps[i]:
            return self.maps[i]
        firsts: Any = []
        offsets = array("H")
        count = 0
        file = self.opened(i)
        for offset, found in segment.records(file):
            if not found:
                self.lost += 1
                continue
            keys = loads(found[0][1 : found[1] + 1])
            rows = len(keys)
            if i + 1 < len(self.bounds):
                # A power cut while a leaf is split leaves rows that are also in the next leaf.
                rows = bisect(keys, self.bounds[i + 1])
            if rows:
                firsts.append(keys[0])
                offsets.append(offset)
                count += rows
        if firsts and isinstance(firsts[0], int):
            firsts = array("q", firsts)
        offsets.append(file.seek(0, 2))  # where the last block ends
        self.maps[i] = firsts, offsets, count
        return self.maps[i]

    def block(self, i: int, j: int) -> tuple:
        """Return the beginning and end of a block's range (None: no limit), and its lines."""
        firsts, offsets, _ = self.map(i)
        low = high = found = None
        if j < len(firsts):
            found = segment.read(self.opened(i), offsets[j], offsets[j + 1] - offsets[j])
        if j:
            low = firsts[j]
        elif i:
            low = self.bounds[i]
        if j + 1 < len(firsts):
            high = firsts[j + 1]
        elif i + 1 < len(self.bounds):
            high = self.bounds[i + 1]
        return low, high, found[0] if found else b"[[]]"

    def find(self, key: "Any", below: bool = False) -> tuple:
        """Like ``block``, for the block that contains ``key`` or the greatest key below it."""
        i = range_of(self.bounds, key, below)
        return self.block(i, range_of(self.map(i)[0], key, below))
