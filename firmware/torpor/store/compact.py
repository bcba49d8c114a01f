"""Moves the rows in the journal into the leaves of their tables.

Every step leaves files from which the same rows are read: a leaf is written to another file, which
is then renamed; when a leaf is split, its second half is written first; the journal is emptied
last. One step is about one block, so that other tasks run in between, and RAM holds one block and
the recent rows.
"""

import asyncio
import sys
from json import dumps
from os import remove, rename

from micropython import const

from .. import clock
from ..cold import cold
from . import segment
from .index import bisect, range_of, split

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Generator

    from .database import Store
    from .index import Leaves


_BLOCK = const(2048)
_LEAF = const(16384)
_MS = const(100_000_000_000)  # a larger key is a time in ms: 1973 in ms, the year 5138 in s


@cold
async def run(store: "Store", writes: "list | tuple" = ()) -> None:
    """Compact the journal of a store; other tasks run in between. Raises the errors of ``commit``.

    When there is no room for all of it, the journal stays, and the reserve is spent if ``writes``
    will free some.
    """
    walk = steps(store)
    try:
        for _ in walk:
            await asyncio.sleep_ms(0)
    except OSError as e:
        from . import recovery, reserve

        if e.errno != segment.ENOSPC:
            raise recovery.failed(store, e)
        if not reserve.frees(writes):
            raise reserve.full()
        if reserve.spend(store):
            await run(store, writes)
    finally:
        walk.close()


@cold
def finish(store: "Store") -> None:
    """Compact the journal of a store at once, while the board starts. Raises ``OSError``."""
    for _ in steps(store):
        feed()


@cold
def feed() -> None:
    """Feed the watchdog during work that may take long; a store without the runtime has none."""
    port: Any = sys.modules.get("torpor.port")
    if port:
        port.feed()


@cold
def drop(leaves: "Leaves", i: int) -> None:
    """Remove a leaf with its rows."""
    leaves.close()
    remove(leaves.path(leaves.bounds[i]))
    leaves.bounds.pop(i)
    leaves.maps.pop(i)


@cold
def steps(store: "Store") -> "Generator":
    """Compact the journal of a store and begin a new one. A generator of steps, to be exhausted.

    Raises ``OSError`` if there is no room for all of it.
    """
    tables = [table for table in store.tables.values() if table.keys]
    done = True
    for table in tables:
        done = (yield from _merge(table)) and done
    if not done:
        raise OSError(segment.ENOSPC)
    store.journal.close()
    store.journal = open(store.journal_path, "wb")
    store.journal.flush()
    store.size = 0
    for table in tables:
        table.keys.clear()
        table.texts.clear()
        yield from _trim(table)


def _merge(table):
    """Write the table's recent rows into its leaves; a generator of steps.

    A leaf without room stays as it is, and the next ones are still written, because they may
    shrink. Returns whether there was room for all leaves.
    """
    leaves = table.leaves
    done = True
    n = 0
    while n < len(table.keys):
        i = range_of(leaves.bounds, table.keys[n])
        is_last = i + 1 >= len(leaves.bounds)
        end = len(table.keys) if is_last else bisect(table.keys, leaves.bounds[i + 1])
        try:
            if is_last and not _overlaps(table, i, table.keys[n]):
                texts = zip(table.keys[n:], table.texts[n:])
                yield from _write(table, i, _blocks(table, texts), True)
            else:
                yield from _write(table, i, _blocks(table, _merged(table, i)), False)
        except OSError as e:
            if e.errno != segment.ENOSPC:
                raise
            done = False
            _discard(leaves.prefix + ".~")
        n = end
    return done


def _trim(table):
    """Drop the leaves that ``keep`` and ``max_age`` no longer need; a generator of steps."""
    leaves = table.leaves
    bounds = leaves.bounds
    if table.keep and len(bounds) > 1:
        total = 0
        for i in range(len(bounds)):
            total += leaves.map(i)[2]
            yield
        while len(bounds) > 1 and total - leaves.map(0)[2] >= table.keep:
            total -= leaves.map(0)[2]
            drop(leaves, 0)
            yield
    if table.max_age and clock.synced():
        oldest = clock.now() - table.max_age
        while len(bounds) > 1 and bounds[1] <= (oldest * 1000 if bounds[1] > _MS else oldest):
            drop(leaves, 0)
            yield


def _discard(path):
    """Remove the files that were not renamed."""
    for name in (path, path + "~"):
        try:
            remove(name)
        except OSError:
            pass  # there is none


def _overlaps(table, i, key):
    """Return whether the last leaf has a key that is not below ``key``."""
    firsts = table.leaves.map(i)[0]
    if not len(firsts):
        return bool(table.leaves.bounds)  # nothing in it can be read: write it again
    keys = split(table.leaves.block(i, len(firsts) - 1)[2])[0]
    return not keys or keys[-1] >= key


def _merged(table, i):
    """Yield every key and text that leaf ``i`` will have."""
    leaves = table.leaves
    for j in range(max(1, len(leaves.map(i)[0]))):
        low, high, data = leaves.block(i, j)
        yield from zip(*table.merged(data, low, high))


def _blocks(table, rows):
    """Pack rows into records: ``(first key, number of rows, record)``."""
    most = max(4, table.keep >> 3) if table.keep else 1 << 20
    first = None
    keys: list = []
    texts: list = []
    size = 0
    for key, text in rows:
        if not text:
            continue
        name = dumps(key).encode()
        size += len(name) + len(text) + 2
        if texts and (size > _BLOCK or len(texts) >= most):
            yield _block(first, keys, texts)
            keys.clear()
            texts.clear()
            size = len(name) + len(text) + 2
        if not texts:
            first = key
        keys.append(name)
        texts.append(text)
    if texts:
        yield _block(first, keys, texts)


def _block(first, keys, texts):
    texts.insert(0, b"[" + b",".join(keys) + b"]")
    return first, len(keys), segment.pack(texts)


def _write(table, i, blocks, extend):
    """Write ``blocks`` to leaf ``i``, in place of its rows or (``extend``) behind them.

    Blocks that do not fit into one leaf go into new leaves after it.
    """
    leaves = table.leaves
    aside = leaves.prefix + ".~"
    path = aside
    bound = old = leaves.bounds[i] if leaves.bounds else None
    size = count = 0
    if extend and old is not None:
        path = leaves.path(old)
        _, offsets, count = leaves.map(i)
        size = offsets[-1]
    most = max(4, table.keep >> 2) if table.keep else 1 << 20
    file = None
    empty = True
    bounds: list = []  # of new leaves
    try:
        for key, rows, record in blocks:
            if bound is None or (size and (size + len(record) > _LEAF or count + rows > most)):
                if file:
                    file = _close(leaves, file, path, bound, bounds)
                bound = key
                path = aside + "~"
                size = count = 0
            if not file:
                leaves.close()
                file = open(path, "wb" if path[-1] == "~" else "ab")
            file.write(record)
            size += len(record)
            count += rows
            empty = False
            yield
        if file:
            file = _close(leaves, file, path, bound, bounds)
        if old is not None and not extend:
            leaves.close()
            if empty:
                drop(leaves, i)
            else:
                rename(aside, leaves.path(old))
    finally:
        if file:
            try:
                file.close()
            except OSError:
                pass  # the steps below must be done in any case
        leaves.close()
        if not empty and old is not None:
            leaves.maps[i] = None
        for key in bounds:  # only now, because _merged reads leaf i as it was
            n = bisect(leaves.bounds, key)
            leaves.bounds.insert(n, key)
            leaves.maps.insert(n, None)


def _close(leaves, file, path, bound, bounds):
    file.flush()
    file.close()
    if path[-2:] == "~~":
        rename(path, leaves.path(bound))
        bounds.append(bound)
