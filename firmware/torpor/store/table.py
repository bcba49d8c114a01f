"""A table of a service: rows by key, in the order of their keys."""

import asyncio
from json import loads

from .. import Fault, clock
from ..cold import cold
from .index import Leaves, bisect, split

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator

    from .database import Store


class Table:
    """Rows, dicts of JSON values, under keys that are all int or all str.

    RAM holds the rows that were written since the journal began (``keys``, ``texts``; an empty text
    is a row that was deleted). All older rows are in ``leaves``.
    """

    # An attribute that a table does not set takes no heap: 170 bytes saved in 64-bit MicroPython.
    keep = max_age = 0
    lazy = False
    indexes: "Any" = ()  # of secondary.Index
    where: "Any" = None  # secondary.Where, if there is an index
    highest: "Any" = None  # the last key, once it is known
    kind: "Any" = None  # of the keys; a batch for an empty table waits without one

    def __init__(self, store: "Store", name: str, bounds: list) -> None:
        self.store = store
        self.name = name
        self.leaves = Leaves(store.folder + name, bounds)
        self.keys: list = []
        self.texts: list = []

    # Writing

    async def append(self, row: dict, key: int | None = None) -> int:
        """Add a row after all others and return its key: ``key``, or the last key plus one.

        Raises ``Fault``: 409 if ``key`` is not above the last one, and those of ``put``.
        """
        if row is None:
            raise _no_row(self, row)
        last = self.last()
        if key is None:
            key = 1 if last is None else last + 1
        elif last is not None and key <= last:
            raise _not_above(self, key, last)
        self.highest = key  # taken at once: others may append while this one waits
        try:
            await self.put(key, row)
        except Exception:
            if self.highest == key:
                self.highest = None
            raise
        return key

    async def add(self, row: dict, at: int | None = None) -> int:
        """Add a row after all others and return its key.

        The key is ``at``, or the last key plus one if that is higher. ``at`` is the time in ms
        since 1970 unless it is given. So keys grow with time, and when the clock is set back, new
        rows follow the last one until time has caught up. Raises ``Fault`` as ``put``.
        """
        if at is None:
            at = clock.wall_ms()
        last = self.last()
        return await self.append(row, None if last is not None and at <= last else at)

    async def put(self, key: int | str, row: dict | None) -> None:
        """Store ``row`` under ``key``, replacing the row with that key; None removes it.

        Raises ``Fault``: 507 if the filesystem is full, 413 if the row has more than 2,048 bytes
        of JSON, 400 if it would not come back unchanged or the key is not of the table's type.
        """
        writes = [(self, key, self.text(key, row))]
        for index in self.indexes:
            writes += index.writes(key, row)
        await self.store.commit(writes, self.lazy)

    async def delete(self, key: int | str) -> None:
        """Remove the row with that ``key``, if there is one. Raises ``Fault`` 507."""
        await self.put(key, None)

    @cold
    async def prune(self, before: int | str) -> None:
        """Remove all rows whose key is below ``before``. Works on a full filesystem too."""
        from . import compact

        leaves = self.leaves
        async with self.store.lock:  # whole leaves first, which needs no room
            while len(leaves.bounds) > 1 and leaves.bounds[1] <= before:
                compact.drop(leaves, 0)
                await asyncio.sleep_ms(0)
        async for keys, _ in self.pages(None, before):
            for n in range(0, len(keys), 32):
                async with self.store.batch():
                    for key in keys[n : n + 32]:
                        await self.delete(key)

    def text(self, key: "Any", row: dict | None) -> bytes:
        """Return the JSON of ``row``. Raises ``Fault`` as ``put`` does."""
        from . import plain  # loaded once between two collections

        known = self.keys or self.leaves.bounds
        if not plain.is_key(key, type(known[0]) if known else self.kind):
            raise _no_key(self, key)
        self.kind = type(key)
        if row is None:
            return b""
        text = plain.packed(row)
        if text is None:
            raise _no_row(self, row)
        return text

    def apply(self, key: "Any", text: bytes) -> None:
        """Apply a committed write."""
        n = bisect(self.keys, key)
        if n < len(self.keys) and self.keys[n] == key:
            self.texts[n] = text
        else:
            self.keys.insert(n, key)
            self.texts.insert(n, text)
        highest = self.highest
        if text and highest is not None and key > highest:
            self.highest = key
        elif not text and key == highest:
            self.highest = None

    # Reading

    def recent(self) -> tuple[list, list]:
        """Return ``keys`` and ``texts`` as the current task sees them."""
        joined = self.store.joined
        if joined:
            joint = joined.get(id(asyncio.current_task()))
            if joint:
                return joint.over(self)
        return self.keys, self.texts

    async def get(self, key: int | str) -> dict | None:
        """Return the row with that ``key``, or None."""
        return self.find(key)

    def find(self, key: "Any") -> dict | None:
        """Like ``get``, without waiting."""
        keys, texts = self.recent()
        n = bisect(keys, key)
        if n == len(keys) or keys[n] != key:
            keys, texts = split(self.leaves.find(key)[2])
            n = bisect(keys, key)
            if n == len(keys) or keys[n] != key:
                return None
        return loads(texts[n]) if texts[n] else None

    def scan(
        self,
        since: "Any" = None,
        until: "Any" = None,
        limit: int | None = None,
        newest: bool = False,
    ) -> "Scan":
        """Iterate over ``(key, row)`` with ``since <= key < until``, lowest or highest key first.

        Rows come from flash in pages of about 1 kB; between two pages other tasks run.
        """
        return Scan(self.walk(since, until, newest, limit), limit)

    def pages(self, since: "Any" = None, until: "Any" = None, newest: bool = False) -> "Scan":
        """Like ``scan``, but iterate over pages: ``(keys, rows)``, two lists."""
        return Scan(self.walk(since, until, newest), None, True)

    def walk(
        self,
        since: "Any" = None,
        until: "Any" = None,
        newest: bool = False,
        most: int | None = None,
    ) -> "Iterator":
        """Like ``pages``, for a plain ``for``; pages have up to ``most`` rows if it is given."""
        if since is not None and until is not None and since >= until:
            return
        more = True
        while more:
            # Searched for every page, because there may have been writes in between.
            low, high, data = self.leaves.find(until if newest else since, newest)
            whole = not most
            if since is not None and (low is None or low < since):
                low = since
                whole = False
            if until is not None and (high is None or high > until):
                high = until
                whole = False
            recent = self.recent()[0]
            first, end = _between(recent, low, high)
            if first == end and whole:
                rows = loads(data)
                keys = rows.pop(0)
            else:
                keys, rows = self.merged(data, low, high)
                if most and newest:
                    # The others are not needed, and decoding them would take most of the time.
                    keys, rows = keys[-most:], rows[-most:]
                rows = loads(b"[" + b",".join(rows) + b"]")
            if keys:
                if newest:
                    keys.reverse()
                    rows.reverse()
                yield keys, rows
            if newest:
                more = low is not None and low != since
                until = low
            else:
                more = high is not None and high != until
                since = high

    def merged(self, data: "Any", low: "Any", high: "Any") -> tuple[list, list]:
        """Return keys and texts of a block's rows and of all newer ones, ``low <= key < high``."""
        keys, texts = split(data)
        first, end = _between(keys, low, high)
        keys, texts = keys[first:end], texts[first:end]
        recent, newer = self.recent()
        n, end = _between(recent, low, high)
        while n < end:
            key, text = recent[n], newer[n]
            n += 1
            m = bisect(keys, key)
            if m < len(keys) and keys[m] == key:
                keys.pop(m)
                texts.pop(m)
            if text:
                keys.insert(m, key)
                texts.insert(m, text)
        return keys, texts

    def last(self) -> "Any":
        """Return the highest key, or None."""
        if self.highest is None:
            for keys, _ in self.walk(None, None, True, 1):
                self.highest = keys[0]
                break
        return self.highest

    @cold
    async def count(self) -> int:
        """Return the number of rows. The first count after a start reads the whole table."""
        leaves = self.leaves
        total = 0
        for i in range(len(leaves.bounds)):
            total += leaves.map(i)[2]
            await asyncio.sleep_ms(0)
        recent, texts = self.recent()
        for n, key in enumerate(recent):
            keys = split(leaves.find(key)[2])[0]
            at = bisect(keys, key)
            total += bool(texts[n]) - (at < len(keys) and keys[at] == key)
        return total


# The errors of writes that are refused.


@cold
def _not_above(table, key, last) -> Fault:
    text = "%s: key %s is not above the last, %s: add takes the next"
    return Fault(409, text % (_name_of(table), _brief(key), last))


@cold
def _no_key(table, key) -> Fault:
    text = "%s: no key for this table, %s: keys are all int (64 bits) or all str (1 to 64 bytes)"
    return Fault(400, text % (_name_of(table), _brief(key)))


@cold
def _no_row(table, row) -> Fault:
    from .plain import ROW
    from .refusal import reason

    status, why = reason(row, ROW, "row")
    return Fault(status, "%s: %s" % (_name_of(table), why))


def _name_of(table) -> str:
    return table.name.split(".")[0]


def _brief(key) -> str:
    from .plain import utf8

    if isinstance(key, str) and utf8(key[:80]):
        return repr(key[:80])
    if isinstance(key, int) and key >> 63 in (0, -1):
        return str(key)
    return "of type " + type(key).__name__


def _between(keys, low, high):
    """Return the range of indices with ``low <= key < high`` (None: no limit)."""
    return (
        0 if low is None else bisect(keys, low),
        len(keys) if high is None else bisect(keys, high),
    )


class Scan:
    """Iterates over a walk, row by row or page by page, and lets other tasks run in between."""

    def __init__(self, walk: "Any", limit: int | None, whole: bool = False) -> None:
        self.walk = walk
        self.left = -1 if limit is None else max(0, limit)
        self.whole = whole
        self.page: Any = ((), ())
        self.next = 0

    def __aiter__(self):
        return self

    async def __anext__(self):
        keys, rows = self.page
        n = self.next
        if self.left and n >= len(keys):
            if n:
                await asyncio.sleep_ms(0)
            n = 0
            page = keys, rows = next(self.walk, ((), ()))
            if self.whole and keys:
                self.next = 1
                return page
            self.page = page
        if not self.left or not keys:
            raise StopAsyncIteration
        self.left -= 1
        self.next = n + 1
        return keys[n], rows[n]
