"""A service's database: tables, written through one journal.

A write goes to the journal, a file of records, and is durable when it returns: one record and one
flush a commit. When the journal has grown to 2 kB, its rows are folded into the leaves of their
tables (see ``index`` and ``fold``) and it begins anew. A start reads the journal and no table.
"""

import asyncio
import os
from json import dumps, loads

from micropython import const

from ..service import Fault
from . import segment
from .fold import fold, trim
from .index import read_bound
from .table import Table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

JOURNAL = const(2048)  # bytes from which on it is folded
_LATEST_MS = const(60000)  # after which a write with commit="wake" is flushed in any case
_FULL = const(28)  # ENOSPC


class Store:
    """The database in ``/data/<name>``. Opening it finishes or undoes what a power cut broke off.

    ``commits``, ``flushes`` and ``written`` (bytes) count since the start, ``lost`` the damaged
    places that were skipped in the journal.
    """

    def __init__(self, name: str, root: str = "/data") -> None:
        self.folder = root + "/" + name + "/"
        self.lock = asyncio.Lock()
        self._journal: Any = None
        self.indexing: Any = None  # the module secondary, if a migration asks for an index
        self._tables: dict = {}  # "name.generation" -> Table
        self._batches: dict = {}  # id of a task -> the writes of its batch
        self.commits = self.flushes = self.written = self.lost = 0
        for folder in (root, root + "/" + name):
            try:
                os.mkdir(folder)
            except OSError:
                pass  # it is there
        self.reopen()

    def reopen(self) -> None:
        """Read the journal and the names of all files; forget what no commit has made valid."""
        self.close()
        self._bounds: dict = {}
        self._tables = {}
        for entry in os.ilistdir(self.folder):
            name = entry[0]
            if name[-1] == "~":
                os.remove(self.folder + name)
            elif "." in name:
                full, bound = name.rsplit(".", 1)
                self._bounds.setdefault(full, []).append(read_bound(bound))
        self._dirty = False
        self.size = 0
        self._journal = open(self.folder + "journal", "ab")
        self.catalog = self.generation("_", 0)  # what migrations have left
        self._replay()
        self._forget_invalid()

    def close(self) -> None:
        """Close all files. The database is not to be used any more."""
        if self._journal:
            self._journal.close()
        for table in self._tables.values():
            table.leaves.close()

    def table(self, name: str, keep: int = 0, max_age: int = 0, commit: str = "now") -> Table:
        """The table of that name; it need not exist.

        With ``keep`` at least that many rows with the highest keys stay; with ``max_age``
        (seconds) those whose key, a Unix time, is not older. What is beyond goes a leaf at a time.
        ``commit="wake"`` leaves out the flush: rows are safe once ``flush`` has been called: the
        runtime does so before the board sleeps, and after a minute.
        """
        if "." in name or name[:1] in "_~":
            raise ValueError("no name for a table: " + name)
        table = self.generation(name, self.generation_of(name))
        table.keep = keep
        table.max_age = max_age
        table.lazy = commit == "wake"
        if self.indexing:
            self.indexing.attach(self, table, name)
        return table

    def batch(self) -> "Batch":
        """``async with`` this, all writes of the task become one commit at the end, or none.

        They are not seen before. Raises ``Fault`` 413 if they have more than 8 kB.
        """
        return Batch(self, self._batches)

    def generation_of(self, table: str) -> int:
        """The generation of a table that is valid; a migration writes the next one."""
        return self.catalog.find("t:" + table) or 0

    def fields_of(self, table: str) -> list:
        """The fields that a migration asked an index for."""
        return self.catalog.find("i:" + table) or []

    def generation(self, name: str, number: int) -> Table:
        """That generation of a table, valid or not."""
        full = "%s.%d" % (name, number)
        if full not in self._tables:
            self._tables[full] = Table(self, full, self._bounds.pop(full, []))
        return self._tables[full]

    # Writing

    async def commit(self, writes: list, lazy: bool = False) -> None:
        """Make writes, ``(table, key, text)``, durable as one, or add them to the task's batch."""
        if self._batches:
            batch = self._batches.get(id(asyncio.current_task()))
            if batch is not None:
                batch.extend(writes)
                return
        async with self.lock:
            if self.size > JOURNAL:
                steps = self.steps()
                try:
                    for _ in steps:
                        await asyncio.sleep_ms(0)
                finally:
                    steps.close()
            self.write(writes, lazy)

    def write(self, writes: list, lazy: bool = False) -> None:
        """As ``commit``, at once and without folding the journal."""
        names = []
        for table, key, _ in writes:
            names.append(table.name)
            names.append(key)
        data = dumps(names, separators=(",", ":")).encode()
        data = b"\n".join([data] + [text for _, _, text in writes])
        if len(data) > segment.MOST:
            raise Fault(413, "a commit has at most %d bytes" % segment.MOST)
        record = segment.pack(data)
        try:
            self._journal.write(record)
            if not lazy:
                self._journal.flush()
        except OSError as e:
            raise self._failed(e)
        if lazy and not self._dirty:
            asyncio.create_task(self._flush_later())
        self._dirty = lazy
        self.size += len(record)
        self.commits += 1
        self.flushes += not lazy
        self.written += len(record)
        for table, key, text in writes:
            table.apply(key, text)

    def flush(self) -> None:
        """Make the writes of ``commit="wake"`` tables durable."""
        if self._dirty:
            self._journal.flush()
            self._dirty = False
            self.flushes += 1

    async def _flush_later(self) -> None:
        await asyncio.sleep_ms(_LATEST_MS)
        self.flush()

    def steps(self):
        """Fold the journal into the tables; a generator of steps, to run to its end."""
        try:
            tables = [table for table in self._tables.values() if table.keys]
            for table in tables:
                yield from fold(table)
            self._journal.close()
            self._journal = open(self.folder + "journal", "wb")
            self._journal.flush()
        except OSError as e:
            raise self._failed(e)
        self.size = 0
        for table in tables:
            table.keys.clear()
            table.texts.clear()
            yield from trim(table)

    def _failed(self, error):
        """What to raise for an ``OSError``; the journal is as it was at the last commit."""
        try:
            self._journal.close()
        except OSError:
            pass
        self._journal = open(self.folder + "journal", "ab")
        self._dirty = False
        if error.errno == _FULL:
            return Fault(507, "the filesystem is full: nothing was written; prune a table")
        return error

    # Opening

    def _replay(self) -> None:
        with open(self.folder + "journal", "rb") as file:
            for _, data in segment.records(file):
                if data is None:
                    self.lost += 1
                    continue
                self.size += len(data)
                texts = data.split(b"\n")
                names = loads(texts[0])
                for n in range(0, len(names), 2):
                    name, number = names[n].split(".")
                    self.generation(name, int(number)).apply(names[n + 1], texts[n // 2 + 1])

    def _forget_invalid(self) -> None:
        """Remove the generations of tables that a migration wrote and did not commit."""
        broken = False
        for full in list(self._bounds) + list(self._tables):
            name, number = full.split(".")
            if int(number) != self.generation_of(name):
                table = self.generation(name, int(number))
                while table.leaves.bounds:
                    table.leaves.drop(0)
                broken = broken or bool(table.keys)
                del self._tables[full]
        if broken:  # their rows are in the journal still
            for _ in self.steps():
                pass


class Batch:
    """The writes of one task between ``async with`` and its end."""

    def __init__(self, store: Store, batches: dict) -> None:
        self._store = store
        self._batches = batches

    async def __aenter__(self):
        self._task = id(asyncio.current_task())
        self._batches[self._task] = []

    async def __aexit__(self, kind, error, trace):
        writes = self._batches.pop(self._task)
        if kind is None and writes:
            await self._store.commit(writes)
        for table, _, _ in writes:
            table.moved()  # keys that append gave out may have come to nothing
