"""Moves what the journal holds into the leaves of its tables, and drops rows out of bounds.

Every step leaves files from which the same rows are read: a leaf is written aside and renamed, the
second half of a leaf that is split before the first, and the journal is emptied last. One step is
about one block, so that other tasks run in between, and RAM holds one block and what is recent.
"""

from json import dumps
from os import rename

from micropython import const

from .. import clock
from . import segment
from .index import at_or_before, place

_BLOCK = const(1024)
_LEAF = const(16384)


def fold(table):
    """Write the table's recent rows into its leaves; a generator of steps."""
    leaves = table.leaves
    n = 0
    while n < len(table.keys):
        i = at_or_before(leaves.bounds, table.keys[n])
        limit = leaves.end(i)
        end = len(table.keys) if limit is None else place(table.keys, limit)
        if limit is None and not _overlaps(table, i, table.keys[n]):
            texts = zip(table.keys[n:], table.texts[n:])
            yield from _write(table, i, _blocks(table, texts), True)
        else:
            yield from _write(table, i, _blocks(table, _merged(table, i)), False)
        n = end


def trim(table):
    """Drop the leaves that ``keep`` and ``max_age`` allow to go; a generator of steps."""
    leaves = table.leaves
    bounds = leaves.bounds
    if table.keep and len(bounds) > 1:
        total = 0
        for i in range(len(bounds)):
            total += leaves.map(i)[2]
            yield
        while len(bounds) > 1 and total - leaves.map(0)[2] >= table.keep:
            total -= leaves.map(0)[2]
            leaves.drop(0)
            yield
    if table.max_age and clock.synced():
        while len(bounds) > 1 and bounds[1] <= clock.now() - table.max_age:
            leaves.drop(0)
            yield


def _overlaps(table, i, key):
    """Whether the last leaf has a key that is not below ``key``."""
    firsts = table.leaves.map(i)[0]
    if not len(firsts):
        return bool(table.leaves.bounds)  # nothing in it can be read: write it anew
    keys = table.leaves.block(i, len(firsts) - 1)[0]
    return not keys or keys[-1] >= key


def _merged(table, i):
    """Every key and text that leaf ``i`` shall have."""
    leaves = table.leaves
    for j in range(max(1, len(leaves.map(i)[0]))):
        low, high = leaves.span(i, j)
        keys, texts = table.merged(i, j, low, high)
        yield from zip(keys, texts)


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
    data = b"[" + b",".join(keys) + b"]\n" + b"\n".join(texts)
    return first, len(keys), segment.pack(data)


def _write(table, i, blocks, extend):
    """Write ``blocks`` to leaf ``i``, in place of what it has or (``extend``) behind that; what is
    too much for one leaf goes into new ones behind it."""
    leaves = table.leaves
    aside = leaves.prefix + "~"
    path = aside
    bound = old = leaves.bounds[i] if leaves.bounds else None
    size = count = 0
    if extend and old is not None:
        path = leaves.path(old)
        count, size = leaves.map(i)[2:]
    most = max(4, table.keep >> 2) if table.keep else 1 << 20
    file = None
    empty = True
    made: list = []  # bounds of new leaves
    try:
        for key, rows, record in blocks:
            if bound is None or (size and (size + len(record) > _LEAF or count + rows > most)):
                if file:
                    file = _close(leaves, file, path, bound, made)
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
            file = _close(leaves, file, path, bound, made)
        if old is not None and not extend:
            if empty:
                leaves.drop(i)
            else:
                leaves.forget(i)
                rename(aside, leaves.path(old))
    finally:
        if file:
            file.close()
        if not empty and old is not None:
            leaves.forget(i)
        for key in made:  # only now, for _merged reads leaf i as it was
            leaves.add(key)


def _close(leaves, file, path, bound, made):
    file.flush()
    file.close()
    if path[-2:] == "~~":
        rename(path, leaves.path(bound))
        made.append(bound)
