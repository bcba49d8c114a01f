"""Makes what a task writes durable together with its result.

A request that must not run twice gets its recorded result when it arrives again. If its writes and
the record were two commits, a power cut between them would make the request run a second time. So
while a ``Joint`` is open, the writes of its task wait; ``finish`` commits them together with the
result. The task itself sees its writes.

One commit is one journal, so this holds for the writes to one store. Before writes to another
store, and before more than ``_MOST`` bytes, what waits is committed with the mark ``BEGUN``: a
request that is found with the mark and without a result did a part of its work, and must not begin
again.
"""

import asyncio

from micropython import const

from .dedup import Window, exists
from .index import place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .database import Store
    from .table import Table

BEGUN = const(0)
_MOST = const(5000)  # bytes of a commit, so that the result has room next to them


class Windows:
    """The windows of all stores of a board. A store gets one when it is first needed."""

    def __init__(self, stores: list) -> None:
        self.stores = stores
        self._windows = [(store, Window(store)) for store in stores if exists(store)]

    def of(self, store: "Store") -> Window:
        """The window of a store."""
        for known, window in self._windows:
            if known is store:
                return window
        window = Window(store)
        self._windows.append((store, window))
        return window

    def get(self, id: str) -> "Any":
        """The result of ``id``; ``BEGUN`` if it did a part of its work; None if it is not known.

        A result that is a list only counts tries: what another store knows takes precedence.
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
        """Hold the task's writes from now on."""
        self._task = id(asyncio.current_task())
        for store in self._windows.stores:
            store.joined[self._task] = self

    def end(self) -> None:
        """Let the task write as usual again. What waits and is not committed is dropped."""
        for store in self._windows.stores:
            store.joined.pop(self._task, None)
        for table, _, _ in self._waiting:
            table.highest = None  # keys that append returned are unused
        self._waiting = []

    async def take(self, store: "Store", writes: list) -> None:
        """Take over writes of the task. Raises ``Fault`` as ``Store.commit``."""
        size = sum(len(text) + 40 for _, _, text in writes)
        if self._waiting and (store is not self._store or self._size + size > _MOST):
            await self._commit(BEGUN)
        self._store = store
        self._waiting += writes
        self._size += size
        self.wrote = True

    async def finish(self, own: "Store", result: "Any") -> None:
        """Commit what waits with the result; in the store ``own`` if nothing does.

        Raises ``Fault`` as ``Store.commit``; what waited is then dropped.
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
        """The recent rows of a table with those that wait: its ``keys`` and ``texts``."""
        keys, texts = table.keys, table.texts
        copied = False
        for held, key, text in self._waiting:
            if held is table:
                if not copied:
                    keys, texts = list(keys), list(texts)
                    copied = True
                n = place(keys, key)
                if n < len(keys) and keys[n] == key:
                    texts[n] = text
                else:
                    keys.insert(n, key)
                    texts.insert(n, text)
        return keys, texts
