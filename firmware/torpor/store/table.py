"""A table of a service: rows by key, in the order of their keys."""

import asyncio
from json import dumps, loads

from micropython import const

from ..service import Fault
from .index import Leaves, place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_ROW = const(2048)  # bytes of JSON in a row
_KEY = const(64)  # bytes of a key that is a str


class Table:
    """Rows, dicts of JSON values, under keys that are all int or all str.

    What has been written since the journal began is held in RAM (``keys``, ``texts``; an empty text
    is a row that was deleted); everything older lies in ``leaves``.
    """

    def __init__(self, store, name: str, bounds: list) -> None:
        self.name = name
        self.leaves = Leaves(store.folder, name, bounds)
        self.keys: list = []
        self.texts: list = []
        self.keep = 0
        self.max_age = 0
        self.lazy = False
        self.indexes: dict = {}  # field -> Index
        self._store = store
        self._last: Any = None

    # Writing

    async def append(self, row: dict, key: int | None = None) -> int:
        """Add a row behind all others and return its key: ``key``, or the last key plus one.

        Raises ``Fault``: 409 if ``key`` is not above the last one, else as ``put``.
        """
        last = self.last()
        if key is None:
            key = 1 if last is None else last + 1
        elif last is not None and key <= last:
            raise Fault(409, "%s: the key %s is not above the last, %s" % (self.name, key, last))
        self._last = key  # taken at once: others may append while this one waits
        try:
            await self.put(key, row)
        except Fault:
            if self._last == key:
                self._last = None
            raise
        return key

    async def put(self, key: int | str, row: dict) -> None:
        """Store ``row`` under ``key``, in the place of the one that is there.

        Raises ``Fault``: 507 if the filesystem is full, 413 if the row has more than 2,048 bytes
        of JSON, 400 if it is no JSON or the key is not of the table's kind.
        """
        writes = [(self, key, self.checked(key, row))]
        for index in self.indexes.values():
            writes += index.writes(key, row)
        await self._store.commit(writes, self.lazy)

    async def delete(self, key: int | str) -> None:
        """Remove the row of ``key``, if there is one. Raises ``Fault`` 507."""
        self.checked(key, None)
        await self._store.commit(self._removals((key,)), self.lazy)

    async def prune(self, before: int | str) -> None:
        """Remove all rows whose key is below ``before``. Works on a full filesystem too."""
        leaves = self.leaves
        async with self._store.lock:
            while len(leaves.bounds) > 1 and leaves.bounds[1] <= before:
                leaves.drop(0)
        async for keys, _ in self.pages(None, before):
            await self._store.commit(self._removals(keys), self.lazy)

    def _removals(self, keys):
        writes = [(self, key, b"") for key in keys]
        for index in self.indexes.values():
            for key in keys:
                writes += index.writes(key, None)
        return writes

    def checked(self, key, row) -> bytes:
        """The text of ``row``, if both will do; else raises ``Fault`` as ``put`` says."""
        kind = type(key)
        known = self.keys or self.leaves.bounds
        ours = kind is str or (kind is int and key >> 63 in (0, -1))
        if not ours or (known and type(known[0]) is not kind):
            raise Fault(400, "%s: %s is no key of this table" % (self.name, repr(key)))
        if kind is str and not 0 < len(key.encode()) <= _KEY:
            raise Fault(400, "%s: a key has 1 to %d bytes" % (self.name, _KEY))
        text = dumps(row, separators=(",", ":")).encode()
        if len(text) > _ROW:
            raise Fault(413, "%s: a row has at most %d bytes" % (self.name, _ROW))
        try:
            loads(text)  # what cannot be read again must not be written
        except ValueError:
            raise Fault(400, "%s: not a row of JSON values: %s" % (self.name, row))
        return text

    def apply(self, key, text: bytes) -> None:
        """Take over a committed write."""
        n = place(self.keys, key)
        if n < len(self.keys) and self.keys[n] == key:
            self.texts[n] = text
        else:
            self.keys.insert(n, key)
            self.texts.insert(n, text)
        if not text and key == self._last:
            self._last = None
        elif self._last is not None and key > self._last:
            self._last = key

    # Reading

    async def get(self, key: int | str) -> dict | None:
        """The row of ``key``, or None."""
        return self.find(key)

    def find(self, key):
        """As ``get``, without waiting."""
        n = place(self.keys, key)
        if n < len(self.keys) and self.keys[n] == key:
            text = self.texts[n]
        else:
            i, j = self.leaves.find(key)
            keys, text = self.leaves.block(i, j)
            n = place(keys, key)
            if n == len(keys) or keys[n] != key:
                return None
            text = text.split(b"\n")[n]
        return loads(text) if text else None

    def scan(self, since=None, until=None, limit: int | None = None, newest: bool = False):
        """Iterate over ``(key, row)`` with ``since <= key < until``, lowest or highest key first.

        Rows come from flash in pages of about 1 kB; between two pages other tasks run.
        """
        return Scan(self.walk(since, until, newest), limit)

    def where(self, field: str, value, limit: int | None = None, newest: bool = False):
        """Iterate over ``(key, row)`` of the rows with that value in an indexed field."""
        return Scan(self.indexes[field].walk(value, newest), limit)

    def pages(self, since=None, until=None, newest: bool = False):
        """As ``scan``, but iterate over pages: ``(keys, rows)``, two lists."""
        return Pages(self.walk(since, until, newest))

    def walk(self, since=None, until=None, newest=False):
        """As ``pages``, for a plain ``for``."""
        if since is not None and until is not None and since >= until:
            return
        leaves = self.leaves
        while True:
            # Found again for every page, for there may have been writes in between.
            i, j = leaves.below(until) if newest else leaves.find(since)
            low, high = leaves.span(i, j)
            if low is None or (since is not None and low < since):
                low = since
            if high is None or (until is not None and high > until):
                high = until
            keys, rows = self._rows(i, j, low, high)
            if keys:
                if newest:
                    keys.reverse()
                    rows.reverse()
                yield keys, rows
            if newest:
                if low is None or low == since:
                    return
                until = low
            else:
                if high is None or high == until:
                    return
                since = high

    def _rows(self, i, j, low, high):
        m, n = self._recent(low, high)
        if m < n:
            keys, texts = self.merged(i, j, low, high)
            return keys, loads(b"[" + b",".join(texts) + b"]")
        keys, text = self.leaves.block(i, j)
        a = 0 if low is None else place(keys, low)
        z = len(keys) if high is None else place(keys, high)
        if a == z:
            return [], []
        rows = loads(b"[" + text.replace(b"\n", b",") + b"]")
        return (keys, rows) if z - a == len(rows) else (keys[a:z], rows[a:z])

    def _recent(self, low, high):
        keys = self.keys
        return (
            0 if low is None else place(keys, low),
            len(keys) if high is None else place(keys, high),
        )

    def merged(self, i, j, low, high):
        """Keys and texts of the rows of a block with all that is newer, ``low <= key < high``."""
        keys, text = self.leaves.block(i, j)
        texts = text.split(b"\n")
        a = 0 if low is None else place(keys, low)
        z = len(keys) if high is None else place(keys, high)
        keys, texts = keys[a:z], texts[a:z]
        first, end = self._recent(low, high)
        for n in range(first, end):
            key, text = self.keys[n], self.texts[n]
            at = place(keys, key)
            known = at < len(keys) and keys[at] == key
            if known and text:
                texts[at] = text
            elif known:
                keys.pop(at)
                texts.pop(at)
            elif text:
                keys.insert(at, key)
                texts.insert(at, text)
        return keys, texts

    def moved(self) -> None:
        """The highest key may be another one."""
        self._last = None

    def last(self):
        """The highest key, or None."""
        if self._last is None:
            for keys, _ in self.walk(newest=True):
                self._last = keys[0]
                break
        return self._last

    async def count(self) -> int:
        """How many rows there are. The first count after a start reads the whole table."""
        leaves = self.leaves
        total = 0
        for i in range(len(leaves.bounds)):
            total += leaves.map(i)[2]
            await asyncio.sleep_ms(0)
        for n, key in enumerate(self.keys):
            i, j = leaves.find(key)
            keys = leaves.block(i, j)[0]
            at = place(keys, key)
            total += bool(self.texts[n]) - (at < len(keys) and keys[at] == key)
        return total


class Pages:
    """Iterates over the pages of a walk and lets other tasks run in between."""

    def __init__(self, walk) -> None:
        self._walk = walk

    def __aiter__(self):
        return self

    async def __anext__(self):
        await asyncio.sleep_ms(0)
        for page in self._walk:
            return page
        raise StopAsyncIteration


class Scan(Pages):
    """Iterates over the rows of a walk."""

    def __init__(self, walk, limit) -> None:
        super().__init__(walk)
        self._left = -1 if limit is None else max(0, limit)
        self._keys: list = []
        self._rows: list = []
        self._next = 0

    async def __anext__(self):
        if not self._left:
            raise StopAsyncIteration
        if self._next == len(self._keys):
            self._keys, self._rows = await super().__anext__()
            self._next = 0
        self._left -= 1
        n = self._next
        self._next = n + 1
        return self._keys[n], self._rows[n]
