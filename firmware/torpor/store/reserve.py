"""Blocks reserved for writes that free room: deleting, and replacing rows with smaller ones.

On a filesystem that copies what it changes, deleting needs room before it frees any: for a block of
the journal, and for a leaf that is rewritten without the row. So a file reserves some blocks. When
nothing else is free, the file is removed. Until there is room for it again (``Store.tight``), only
writes that free room are accepted.
"""

import os

from micropython import const

from .. import Fault
from ..cold import cold
from .database import Store
from .index import bisect, split

# A leaf that is rewritten (16 kB and one record), the growth of its neighbour, the journal, and two
# pairs of blocks of the filesystem.
_BLOCKS = const(12)
_MORE = const(3)  # blocks that must also be free before the reserve is written again
_RESULT = const(
    256
)  # bytes of a result (see transaction) that may be written together with what frees room


def _path(store) -> str:
    return store.folder.rsplit("/", 2)[0] + "/.reserve"


@cold
def keep(store: "Store") -> bool:
    """Write the reserve if there is room, and return whether it exists."""
    path = _path(store)
    try:
        there = os.stat(path)[6] > 0  # LittleFS shows no size before all is written
    except OSError:
        there = False
    if not there:
        size, _, blocks, free = os.statvfs(store.folder[:-1])[:4]
        count = min(_BLOCKS, blocks >> 4)
        # A full LittleFS counts some blocks twice, and then wraps below zero.
        if count + _MORE <= free <= blocks:
            there = _write(path, count * min(size, 4096))
    Store.tight = not there
    return there


def _write(path: str, size: int) -> bool:
    try:
        with open(path, "wb") as file:
            for _ in range(size // 512):
                file.write(bytes(512))
    except OSError:
        os.remove(path)
        return False
    return True


@cold
def spend(store: "Store") -> bool:
    """Remove the reserve, and return whether there was one."""
    Store.tight = True
    try:
        os.remove(_path(store))
    except OSError:
        return False
    return True


@cold
async def admit(store: "Store", writes: list) -> None:
    """Accept ``writes`` if they free room, or if there is room again. Raises ``Fault`` 507."""
    if frees(writes) or keep(store):
        return
    if store.size:
        from . import compact

        await compact.run(store)
        if keep(store):
            return
    raise full()


@cold
def retry(store: "Store", writes: list, record: bytes) -> bool:
    """Write a record that found no room into the reserve's room; return whether it was written."""
    if not frees(writes) or not spend(store):
        return False
    store.journal.write(record)
    store.journal.flush()
    return True


@cold
def full() -> Fault:
    """Return the error to raise when there is no room."""
    return Fault(507, "the filesystem is full: nothing was written; delete rows or prune a table")


@cold
def frees(writes: "list | tuple") -> bool:
    """Return whether the rows need no more room after ``writes`` than before."""
    more = 0
    rows = False
    for table, key, text in writes:
        if table.name[:8] == "_window." and len(text) <= _RESULT:
            continue
        rows = True
        more += len(text) - _size(table, key)
    return rows and more <= 0


def _size(table, key) -> int:
    """Return the bytes of the row that is stored."""
    keys, texts = table.keys, table.texts
    n = bisect(keys, key)
    if n == len(keys) or keys[n] != key:
        keys, texts = split(table.leaves.find(key)[2])
        n = bisect(keys, key)
        if n == len(keys) or keys[n] != key:
            return 0
    return len(texts[n])
