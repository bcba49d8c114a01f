"""A service's database: tables, written through one journal.

A write goes to the journal, a file of records, and is durable when it returns: one record and one
flush for each commit. When the journal has grown to 2 kB, compaction moves its rows into the leaves
of their tables (see ``index`` and ``compact``) and empties it. At the start only the journal is
read, and no table.
"""

import asyncio
from json import dumps

from micropython import const

from .. import Fault, kernel
from ..cold import cold, startup
from . import segment
from .table import Table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_JOURNAL = const(2048)  # bytes at which it is compacted
_LATEST_MS = const(60000)  # after which a write with commit="wake" is flushed in any case
_TIGHT = const(512)  # as _JOURNAL, when room is scarce: compaction frees some


class Store:
    """The database in ``<root>/<name>``.

    ``commits``, ``flushes`` and ``written`` (bytes of the journal) count since the start. ``lost``
    counts the damaged records that were skipped in the journal.
    """

    tight = False  # of all stores: there is no reserve (see the module of that name)

    def __init__(self, name: str, root: str = "/data") -> None:
        self.folder = "%s/%s/" % (root, name)
        # Alone in a folder: every few commits to a file, LittleFS rewrites the list of all files
        # in its folder.
        self.journal_path = self.folder + "log/journal"
        self.lock = asyncio.Lock()
        self.journal: Any = None
        self.indexing: Any = None  # the module secondary, if a migration asks for an index
        self.tables: dict = {}  # "name.generation" -> Table
        self.bounds: dict = {}  # "name.generation" -> the bounds of a table not used yet
        self.batches: dict = {}  # id of a task -> the writes of its batch
        self.joined: dict = {}  # id of a task -> joint.Joint, which holds its writes
        self.size = self.commits = self.flushes = self.written = self.lost = 0
        self.dirty = False
        from . import recovery

        recovery.load(self)

    def table(self, name: str, keep: int = 0, max_age: int = 0, commit: str = "now") -> Table:
        """Return the table with that name; it need not exist.

        Args:
            name: The name.
            keep: At least this many rows with the highest keys stay; older ones are removed, one
                leaf at a time. 0 keeps all.
            max_age: Rows whose key, a Unix time, is at most this many seconds old stay. 0 keeps
                all.
            commit: "wake" omits the flush. Rows are safe after ``flush``, which the runtime calls
                before the board sleeps, and after a minute.
        """
        from . import recovery

        return recovery.table(self, name, keep, max_age, commit == "wake")

    # Batches: an ``async with`` collects the writes of its task.

    def batch(self) -> "Store":
        """Make all writes of an ``async with`` block one commit at its end, or none.

        They are not visible before the end. Raises ``Fault`` 413 if they have more than 8 kB.
        """
        return self

    async def __aenter__(self):
        self.batches[id(asyncio.current_task())] = []

    async def __aexit__(self, kind, error, trace):
        writes = self.batches.pop(id(asyncio.current_task()))
        try:
            if kind is None and writes:
                await self.commit(writes)
        finally:
            for table, _, _ in writes:
                table.highest = None  # keys that append returned may be unused

    # Writing

    async def commit(self, writes: list, lazy: bool = False) -> None:
        """Make writes, ``(table, key, text)``, durable at once, or add them to the task's batch."""
        if self.batches:
            batch = self.batches.get(id(asyncio.current_task()))
            if batch is not None:
                batch.extend(writes)
                return
        if self.joined:
            joint = self.joined.get(id(asyncio.current_task()))
            if joint is not None:
                await joint.take(self, writes)
                return
        async with self.lock:
            if self.size > (_TIGHT if self.tight else _JOURNAL):
                from . import compact

                await compact.run(self, writes)
            if self.tight:
                from . import reserve

                await reserve.admit(self, writes)
            self.write(writes, lazy)

    def write(self, writes: list, lazy: bool = False) -> None:
        """Like ``commit``, at once and without compacting the journal."""
        names = []
        texts = [b""]
        for table, key, text in writes:
            names.append(table.name)
            names.append(key)
            texts.append(text)
        texts[0] = dumps(names, separators=(",", ":")).encode()
        record = segment.pack(texts)
        if len(record) > segment.MOST:
            raise Fault(413, "a commit has at most %d bytes" % segment.MOST)
        try:
            self.journal.write(record)
            if not lazy:
                self.journal.flush()
        except OSError as e:
            _write_failed(self, e, writes, record)
        if lazy and not self.dirty:
            asyncio.create_task(_flush_later(self))
        self.dirty = lazy
        self.size += len(record)
        self.commits += 1
        self.flushes += not lazy
        self.written += len(record)
        for table, key, text in writes:
            table.apply(key, text)

    def flush(self) -> None:
        """Make the writes of ``commit="wake"`` tables durable."""
        if self.dirty:
            self.journal.flush()
            self.dirty = False
            self.flushes += 1


@cold
def _write_failed(store: Store, error: OSError, writes: list, record: bytes) -> None:
    """Raise the error for a failed write, unless the reserve makes room for the record."""
    from . import recovery, reserve

    fault = recovery.failed(store, error)
    try:
        if error.errno == segment.ENOSPC and reserve.retry(store, writes, record):
            return
    except OSError as e:
        fault = recovery.failed(store, e)
    raise fault


@cold
async def _flush_later(store: Store) -> None:
    """Flush a write with ``commit="wake"`` after a while."""
    await asyncio.sleep_ms(_LATEST_MS)
    store.flush()


@startup
def opened(name: str, known: int = 0, root: str = "/data") -> Store:
    """Open the database of a service whose image has ``known`` migrations.

    Raises:
        RuntimeError: More migrations have run on the data.
    """
    from . import recovery

    store = Store(name, root)
    done = recovery.version(store)
    if done > known:
        raise RuntimeError(
            "its data has had %d migrations, this image has %d: put the newer image back"
            % (done, known)
        )
    if kernel.current:
        kernel.current.savers.append(store.flush)
    return store
