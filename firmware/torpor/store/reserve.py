"""Blocks that are kept free for what makes room: deleting, and replacing by what is smaller.

On a filesystem that copies what it changes, deleting takes room before it gives any: a block of the
journal, and a leaf that is written again without the row. So a file holds some blocks. When nothing
else is free, it is removed, and until there is room to write it again (``Store.tight``) only what
frees room is taken.
"""

import os

from micropython import const

from ..cold import cold
from ..service import Fault
from .database import Store
from .index import place, split

# A leaf that is written again (16 kB and one record), what its neighbour grows by, the journal, and
# two pairs of the filesystem's own.
_BLOCKS = const(12)
_MORE = const(3)  # that have to be free besides, before it is written again
_RESULT = const(
    256
)  # bytes of a result (see dedup) that may be written together with what frees room


def _path(store) -> str:
    return store.folder.rsplit("/", 2)[0] + "/.reserve"


@cold
def keep(store: "Store") -> bool:
    """Have the reserve, if there is room; returns whether it is there."""
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
    """Give the reserve back to the filesystem; returns whether there was one."""
    Store.tight = True
    try:
        os.remove(_path(store))
    except OSError:
        return False
    return True


@cold
async def admit(store: "Store", writes: list) -> None:
    """Let ``writes`` pass if they free room, or if there is some again. Raises ``Fault`` 507."""
    if frees(writes) or keep(store):
        return
    if store.size:
        from . import compact

        await compact.run(store)
        if keep(store):
            return
    raise full()


@cold
def again(store: "Store", writes: list, record: bytes) -> bool:
    """Write a record for which there was no room at the cost of the reserve; whether it is done."""
    if not frees(writes) or not spend(store):
        return False
    store.journal.write(record)
    store.journal.flush()
    return True


@cold
def full() -> Fault:
    """The error to raise when there is no room."""
    return Fault(507, "the filesystem is full: nothing was written; delete rows or prune a table")


@cold
def frees(writes: "list | tuple") -> bool:
    """Whether the rows take no more room after ``writes`` than before."""
    more = 0
    rows = False
    for table, key, text in writes:
        if table.name[:8] == "_window." and len(text) <= _RESULT:
            continue
        rows = True
        more += len(text) - _size(table, key)
    return rows and more <= 0


def _size(table, key) -> int:
    """Bytes of the row that is there."""
    keys, texts = table.keys, table.texts
    n = place(keys, key)
    if n == len(keys) or keys[n] != key:
        keys, texts = split(table.leaves.find(key)[2])
        n = place(keys, key)
        if n == len(keys) or keys[n] != key:
            return 0
    return len(texts[n])
