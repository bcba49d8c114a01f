"""Measure the store relative to the filesystem below it: ``figures.py FIRMWARE FIGURE ROUNDS``.

Both sides work on one LittleFS, on a flash in RAM that is written in Python. Erasing, which is slow
on a chip, is fast here, so the share of the store's own work is larger than on a chip. Prints JSON.
"""

import sys

firmware, here = sys.argv[1], sys.argv[0].rsplit("/", 1)[0]
figure, rounds = sys.argv[2], int(sys.argv[3])
sys.path[:] = [firmware, here, ".frozen"]

import asyncio  # noqa: E402
import gc  # noqa: E402
import json  # noqa: E402
import time  # noqa: E402

import uctypes  # noqa: E402
import vfs  # noqa: E402
from flash import Flash, mounted  # noqa: E402

from torpor import heap  # noqa: E402
from torpor.store.database import Store  # noqa: E402
from torpor.store.index import split  # noqa: E402

START = 1_750_000_000
ROW = {"fridge-1": 431, "fridge-2": 502}


async def fill(table, rows):
    for n in range(rows):
        ROW["fridge-1"] = n % 1000
        await table.append(ROW, START + 60 * n)


def ready(flash):
    gc.collect()
    heap.settle()
    # Unlike on a chip, the flash is in the heap: the allocator need not search it.
    while id(object()) < uctypes.addressof(flash.data):
        pass


def since(start):
    return time.ticks_diff(time.ticks_us(), start)


async def append(flash):
    """Return appends per second, relative to a file with a write and flush of as many bytes."""
    table = Store("a", "/f/data").table("rows")
    await fill(table, 300)
    file = open("/f/floor", "ab")
    found = []
    for _ in range(rounds):
        # Alternately, and the fastest of each: this excludes other work of the computer.
        ours, floor = [], []
        for _ in range(4):
            ready(flash)
            key = table.last() + 60
            start = time.ticks_us()
            for n in range(200):
                await table.append(ROW, key + 60 * n)
            ours.append(since(start))
            ready(flash)
            start = time.ticks_us()
            for _ in range(200):
                file.write(b"x" * 52)  # the size of a row in the journal
                file.flush()
            floor.append(since(start))
        found.append(min(floor) / min(ours))
    return found


async def index(flash):
    """Return the bytes of RAM per row of a table whose leaves have all been used."""
    store = Store("a", "/f/data")
    table = store.table("rows", commit="wake")
    await fill(table, 50_000)
    store.flush()
    kept = [store]  # with its open files
    store = Store("b", "/f/data")
    gc.collect()
    before = gc.mem_alloc()
    kept.append(Store("a", "/f/data"))
    table = kept[1].table("rows")
    rows = await table.count()
    table.leaves.close()
    gc.collect()
    recent = len(table.keys)  # these are rows, not an index
    text = sum([len(text) + 72 for text in table.texts])
    assert rows == 50_000, rows
    return (gc.mem_alloc() - before - text) / (rows - recent)


async def newest(flash):
    """Return the time for the newest row of 50,000, relative to that of 500."""
    tables = []
    for name, rows in (("small", 500), ("large", 50_000)):
        table = Store(name, "/f/data").table("rows", commit="wake")
        await fill(table, rows)
        tables.append(table)
    found = []
    for _ in range(rounds):
        took = [[], []]
        for _ in range(10):
            for table, times in zip(tables, took):
                ready(flash)
                start = time.ticks_us()
                for _ in range(20):
                    async for _row in table.scan(limit=1, newest=True):
                        pass
                times.append(since(start))
        found.append(min(took[1]) / min(took[0]))
    return found


async def range_100(flash):
    """Return the time for a range of 100 rows, relative to a plain read of the same bytes."""
    table = Store("a", "/f/data").table("rows", commit="wake")
    await fill(table, 2000)
    found = []
    for number in range(rounds):
        low = START + 60 * (100 + 50 * number)
        parts = list(holding(table.leaves, low, low + 6000))
        # Often, for a short time, alternately: this excludes other work of the computer, and the
        # collector has no reason to run. On a board it runs when nobody waits.
        ours, raw = [], []
        for _ in range(60):
            ready(flash)
            start = time.ticks_us()
            for _ in range(3):
                rows = 0
                async for keys, _row in table.pages(low, low + 6000):
                    rows += len(keys)
            ours.append(since(start))
            assert rows == 100, rows
            ready(flash)
            start = time.ticks_us()
            for _ in range(3):
                for path, offset, size in parts:
                    with open(path, "rb") as file:
                        file.seek(offset)
                        file.read(size)
            raw.append(since(start))
        found.append(min(ours) / min(raw))
    return found


def holding(leaves, low, high):
    """Return where the rows from ``low`` to ``high`` are: path, offset and size for each leaf."""
    for i in range(len(leaves.bounds)):
        firsts, offsets, _ = leaves.map(i)
        start = size = 0
        for j in range(len(firsts)):
            keys = split(leaves.block(i, j)[2])[0]
            inside = len([key for key in keys if low <= key < high])
            if inside and not size:
                start = offsets[j]
            size += (offsets[j + 1] - offsets[j]) * inside // len(keys)
        if size:
            yield leaves.path(leaves.bounds[i]), start, size


async def wear(flash):
    """Return erases and programmed bytes per commit of one row, for 2,000 commits."""
    store = Store("a", "/f/data")
    table = store.table("rows")
    await fill(table, 100)
    erases, programmed, commits = flash.erases, flash.programmed, store.commits
    await fill_behind(table, 2000)
    commits = store.commits - commits
    return (flash.erases - erases) / commits, (flash.programmed - programmed) / commits


async def fill_behind(table, rows):
    for _ in range(rows):
        await table.append(ROW)


async def main():
    blocks = 1400 if figure in ("index", "newest") else 212
    flash = Flash(blocks)
    vfs.mount(mounted(flash), "/f")
    print(json.dumps(await globals()[figure](flash)))


asyncio.run(main())
