"""Makes the writes of a task durable together with its result.

A request that must not run twice gets its recorded result when it arrives again. If its writes and
the record were two commits, a power cut between them would make the request run a second time. So
while a ``Joint`` is open, the writes of its task wait; ``finish`` commits them together with the
result. The task itself sees its writes.

One commit goes into one journal, so this holds for the writes to one store. Before writes to
another store, and before more than ``_MOST`` bytes, the waiting writes are committed with the
result ``BEGUN``: a request with this result did a part of its work, and must not begin again.

A ``Window`` keeps the newest results in flash. RAM holds a short hash of each id, so that unknown
ids, which are most, cost no reading. The hashes are one block that is allocated at the start:
texts allocated for every request would fragment the heap.
"""

import asyncio
from array import array
from binascii import crc32

from micropython import const

from .index import bisect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .database import Store
    from .table import Table

_NAME = "_window"  # no service can have a table with that name
_HASH = const(4)  # bytes
BEGUN = const(0)
_MOST = const(5000)  # bytes of a commit, so that the result has room in it


def exists(store: "Store") -> bool:
    """Return whether the store has a window."""
    full = _NAME + ".0"
    return full in store.tables or full in store.bounds


def _hash(id: str) -> bytes:
    return crc32(id).to_bytes(_HASH, "big")


class Window:
    """The last ``keep`` results by id; 8 bytes of RAM each."""

    def __init__(self, store: "Store", keep: int = 64) -> None:
        from . import recovery

        self._table = recovery.generation(store, _NAME, 0)
        self._table.keep = keep
        self._hashes = bytearray(_HASH * keep)
        self._keys = array("i", bytes(self._hashes))
        self._next = 0
        for keys, rows in self._table.walk():
            for key, row in zip(keys, rows):
                self._remember(row["id"], key)
        leaves = self._table.leaves
        leaves.maps = [None] * len(leaves.bounds)  # few of these ids are asked for again

    def _remember(self, id: str, key: int) -> None:
        """Replace the oldest result."""
        n = self._next
        self._hashes[_HASH * n : _HASH * n + _HASH] = _hash(id)
        self._keys[n] = key
        self._next = (n + 1) % len(self._keys)

    def get(self, id: str) -> "Any":
        """Return the newest result of ``id``; None if it is not known."""
        wanted = _hash(id)
        newest = 0
        result = None
        at = self._hashes.find(wanted)
        while at >= 0:
            key = self._keys[at // _HASH]
            if not at % _HASH and key > newest:
                row = self._table.find(key)
                if row and row["id"] == id:
                    newest = key
                    result = row["result"]
            at = self._hashes.find(wanted, at + 1)
        return result

    async def add(self, id: str, result: "Any") -> None:
        """Remember the result, any JSON value but None; it replaces an earlier result of ``id``.

        Raises ``Fault`` as ``Table.put``.
        """
        self._remember(id, await self._table.append({"id": id, "result": result}))


class Windows:
    """The windows of all stores of a board. A store gets one when it is first needed."""

    def __init__(self, stores: list) -> None:
        self.stores = stores
        self._windows = [(store, Window(store)) for store in stores if exists(store)]

    def of(self, store: "Store") -> Window:
        """Return the window of a store."""
        for each, window in self._windows:
            if each is store:
                return window
        window = Window(store)
        self._windows.append((store, window))
        return window

    def get(self, id: str) -> "Any":
        """Return the result of ``id``; ``BEGUN`` if it did a part of its work; None if unknown.

        A result that is a list only counts tries: a result in another store takes precedence.
        """
        found = None
        for _, window in self._windows:
            result = window.get(id)
            if result is None:
                continue
            if result != BEGUN and not isinstance(result, list):
                return result
            if result == BEGUN or found is None:
                found = result
        return found


class Joint:
    """The writes of the current task for the request ``id``, from ``begin`` to ``finish``."""

    def __init__(self, windows: Windows, id: str) -> None:
        self._windows = windows
        self._id = id
        self._task = 0
        self._waiting: list = []  # writes of one store
        self._store: Any = None
        self._size = 0
        self.wrote = False

    def begin(self) -> None:
        """Hold back the task's writes from now on."""
        self._task = id(asyncio.current_task())
        for store in self._windows.stores:
            store.joined[self._task] = self

    def end(self) -> None:
        """Let the task write as usual again. Writes that still wait are dropped."""
        for store in self._windows.stores:
            store.joined.pop(self._task, None)
        for table, _, _ in self._waiting:
            table.highest = None  # keys that append returned are unused
        self._waiting = []

    async def take(self, store: "Store", writes: list) -> None:
        """Hold back writes of the task. Raises ``Fault`` as ``Store.commit``."""
        size = sum(len(text) + 40 for _, _, text in writes)
        if self._waiting and (store is not self._store or self._size + size > _MOST):
            await self._commit(BEGUN)
        self._store = store
        self._waiting += writes
        self._size += size
        self.wrote = True

    async def finish(self, own: "Store", result: "Any") -> None:
        """Commit the waiting writes with the result, which goes into ``own`` if nothing waits.

        Raises ``Fault`` as ``Store.commit``; the waiting writes are then dropped.
        """
        if not self._waiting:
            self._store = own
        await self._commit(result)

    async def _commit(self, result) -> None:
        store = self._store
        writes = self._waiting
        del store.joined[self._task]
        batch = store.batches.pop(self._task, None)  # one that the task has open
        try:
            async with store.batch():
                await store.commit(writes)
                await self._windows.of(store).add(self._id, result)
            self._waiting = []
            self._size = 0
        finally:
            store.joined[self._task] = self
            if batch is not None:
                store.batches[self._task] = batch

    def over(self, table: "Table") -> tuple[list, list]:
        """Return ``keys`` and ``texts``: a table's recent rows together with those that wait."""
        keys, texts = table.keys, table.texts
        copied = False
        for held, key, text in self._waiting:
            if held is table:
                if not copied:
                    keys, texts = list(keys), list(texts)
                    copied = True
                n = bisect(keys, key)
                if n < len(keys) and keys[n] == key:
                    texts[n] = text
                else:
                    keys.insert(n, key)
                    texts.insert(n, text)
        return keys, texts
