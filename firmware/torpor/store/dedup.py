"""Keeps the newest results of calls that must not run twice, across power cuts.

The results are in flash. RAM holds a short hash of each id, so unknown ids, which are most, cost no
reading. The hashes are one block that is allocated at the start: texts that come and go with every
request would fragment the heap.
"""

from array import array
from binascii import crc32

from micropython import const

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .database import Store

_NAME = "_window"  # no service can have a table of that name
_MARK = const(4)  # bytes


def exists(store: "Store") -> bool:
    """Whether the store has a window."""
    full = _NAME + ".0"
    return full in store.tables or full in store.bounds


def _mark(id: str) -> bytes:
    return crc32(id).to_bytes(_MARK, "big")


class Window:
    """The last ``keep`` results by id; 8 bytes of RAM each."""

    def __init__(self, store: "Store", keep: int = 64) -> None:
        from . import recovery

        self._table = recovery.generation(store, _NAME, 0)
        self._table.keep = keep
        self._marks = bytearray(_MARK * keep)
        self._keys = array("i", bytes(self._marks))
        self._next = 0
        for keys, rows in self._table.walk():
            for key, row in zip(keys, rows):
                self._remember(row["id"], key)
        self._table.leaves.forget()  # few of these ids are asked for again

    def _remember(self, id: str, key: int) -> None:
        """Replace the oldest result."""
        n = self._next
        self._marks[_MARK * n : _MARK * n + _MARK] = _mark(id)
        self._keys[n] = key
        self._next = (n + 1) % len(self._keys)

    def get(self, id: str) -> "Any":
        """Return the newest result of ``id``; None if it is not known."""
        mark = _mark(id)
        newest = 0
        result = None
        at = self._marks.find(mark)
        while at >= 0:
            key = self._keys[at // _MARK]
            if not at % _MARK and key > newest:
                row = self._table.find(key)
                if row and row["id"] == id:
                    newest = key
                    result = row["result"]
            at = self._marks.find(mark, at + 1)
        return result

    async def add(self, id: str, result: "Any") -> None:
        """Remember the result, any JSON value but None; it replaces an earlier one of ``id``.

        Raises ``Fault`` as ``Table.put``.
        """
        self._remember(id, await self._table.append({"id": id, "result": result}))
