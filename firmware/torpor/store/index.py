"""Where the rows of a table lie in flash.

A table is a row of *leaves*: files of some 16 kB with disjoint ranges of keys in ascending order.
A leaf's name says where its range begins, so a table is opened without reading it. A leaf is a row
of *blocks*: records of about 1 kB, a line of keys and then a line for each row. RAM holds the first
key and the offset of every block in the leaves that have been used.
"""

from array import array
from binascii import hexlify, unhexlify
from json import loads
from os import remove

from . import segment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_EMPTY = ((), (), 0, 0)


def place(keys, key) -> int:
    """How many of the sorted ``keys`` are less than ``key``."""
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


def at_or_before(keys, key) -> int:
    """The place of the last of ``keys`` that is not above ``key``, 0 if all are above."""
    n = place(keys, key)
    return n if n < len(keys) and keys[n] == key else max(0, n - 1)


def read_bound(text: str):
    """The key that the last part of a leaf's name stands for."""
    return str(unhexlify(text[1:]), "utf-8") if text[0] == "x" else int(text)


class Leaves:
    """The leaves of a table; ``name`` is ``<table>.<generation>``, ``bounds`` where each begins."""

    def __init__(self, folder: str, name: str, bounds: list) -> None:
        bounds.sort()
        self.bounds = bounds
        self.lost = 0  # damaged places seen
        self._maps: list = [None] * len(bounds)
        self.prefix = folder + name + "."
        self._file = None
        self._open = -1  # the leaf whose file is open

    def path(self, key) -> str:
        """The file of the leaf that begins at ``key``."""
        if isinstance(key, str):
            return self.prefix + "x" + str(hexlify(key.encode()), "utf-8")
        return self.prefix + str(key)

    def add(self, key) -> None:
        """A leaf that begins at ``key`` has been written."""
        n = place(self.bounds, key)
        if n == len(self.bounds) or self.bounds[n] != key:
            self.bounds.insert(n, key)
            self._maps.insert(n, None)
        self.forget(max(0, n - 1))
        self.forget(n)

    def drop(self, i: int) -> None:
        """Remove a leaf with its rows."""
        self.forget(i)
        remove(self.path(self.bounds[i]))
        self.bounds.pop(i)
        self._maps.pop(i)

    def forget(self, i: int) -> None:
        """The leaf's file is about to change, or has."""
        self._maps[i] = None
        self.close()

    def close(self) -> None:
        """Close the file that is open for reading, if any."""
        if self._file:
            self._file.close()
            self._file = None

    def map(self, i: int):
        """First keys and offsets of a leaf's blocks, how many rows they have, the file's size."""
        if i >= len(self.bounds):
            return _EMPTY
        if self._maps[i] is None:
            self._maps[i] = self._read(i)
        return self._maps[i]

    def _read(self, i: int):
        limit = self.end(i)
        firsts: Any = []
        offsets = array("H")
        count = 0
        file = self._opened(i)
        for at, data in segment.records(file):
            if data is None:
                self.lost += 1
                continue
            keys = loads(data[: data.find(b"\n")])
            # A power cut while a leaf is split leaves rows that the next leaf has too.
            rows = len(keys) if limit is None else place(keys, limit)
            if rows:
                firsts.append(keys[0])
                offsets.append(at)
                count += rows
        if firsts and isinstance(firsts[0], int):
            firsts = array("q", firsts)
        return firsts, offsets, count, file.seek(0, 2)

    def _opened(self, i: int):
        if self._file is None or self._open != self.bounds[i]:
            self.close()
            self._file = open(self.path(self.bounds[i]), "rb")
            self._open = self.bounds[i]
        return self._file

    def end(self, i: int):
        """Where the leaf's range ends: at the next one's beginning; None for the last."""
        return self.bounds[i + 1] if i + 1 < len(self.bounds) else None

    def find(self, key):
        """Leaf and block in whose range ``key`` lies (None: the lowest)."""
        if key is None:
            return 0, 0
        i = at_or_before(self.bounds, key)
        return i, at_or_before(self.map(i)[0], key)

    def below(self, key):
        """Leaf and block in whose range the keys just below ``key`` lie (None: the highest)."""
        if key is None:
            i = max(0, len(self.bounds) - 1)
            return i, max(0, len(self.map(i)[0]) - 1)
        i = max(0, place(self.bounds, key) - 1)
        return i, max(0, place(self.map(i)[0], key) - 1)

    def span(self, i: int, j: int):
        """Where the range of a block begins and ends (None: no limit)."""
        firsts = self.map(i)[0]
        low = firsts[j] if j else (self.bounds[i] if i else None)
        return low, (firsts[j + 1] if j + 1 < len(firsts) else self.end(i))

    def block(self, i: int, j: int):
        """The keys of a block and its rows, a line each."""
        offsets = self.map(i)[1]
        data = segment.read(self._opened(i), offsets[j]) if j < len(offsets) else None
        if data is None:
            return [], b""
        n = data.find(b"\n")
        return loads(data[:n]), data[n + 1 :]
