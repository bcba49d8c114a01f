"""Cuts the power while rows are deleted on a full filesystem.

``full.py FIRMWARE SEED BLOCKS CUTS``. After each cut every confirmed row must exist, deleting must
continue, and when enough has been deleted, rows can be written again. Prints JSON.
"""

import sys

firmware, here = sys.argv[1], sys.argv[0].rsplit("/", 1)[0]
seed, blocks, cuts = [int(word) for word in sys.argv[2:5]]
sys.path[:] = [firmware, here, ".frozen"]

import asyncio  # noqa: E402
import gc  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import random  # noqa: E402

import vfs  # noqa: E402
from flash import Flash, mounted, torn_flashes  # noqa: E402

from torpor import Fault  # noqa: E402
from torpor.store import recovery  # noqa: E402
from torpor.store.database import Store  # noqa: E402

DATA = "/f/data"
ROOM = 60  # blocks that the filler leaves
NAMES = ("numbers", "texts")


def opened():
    store = Store("full", DATA)
    return store, {name: store.table(name) for name in NAMES}


def fill():
    """Fill every free block, and then every free byte."""
    for size in (4096, 600, 40):
        for n in range(1000):
            try:
                with open("/f/s%d_%d" % (size, n), "wb") as file:
                    file.write(bytes(size))
            except OSError:
                break


def read(tables):
    return {
        name: {key: row for keys, rows in table.walk() for key, row in zip(keys, rows)}
        for name, table in tables.items()
    }


def chosen(model):
    """Return a step that frees room: ``(table, key, row)``."""
    name = NAMES[random.getrandbits(1)]
    keys = sorted(model[name])
    key = keys[random.randrange(len(keys))]
    return name, key, None if random.getrandbits(2) else {"n": -1}


def apply(model, step):
    name, key, row = step
    if row is None:
        model[name].pop(key, None)
    else:
        model[name][key] = row


async def record(count):
    """Return a full filesystem, its rows, the steps done, and the flash operations of each."""
    flash = Flash(blocks)
    vfs.mount(mounted(flash), "/f")
    with open("/f/filler", "wb") as file:
        for _ in range(blocks - ROOM):
            file.write(bytes(4096))
    store, tables = opened()
    model = {name: {} for name in NAMES}
    n = 0
    try:
        while True:
            name = NAMES[n % 2]
            key = n if name == "numbers" else "k%d" % random.getrandbits(16)
            row = {"n": n, "text": "x" * random.randrange(400)}
            await tables[name].put(key, row)
            model[name][key] = row
            n += 1
    except Fault as fault:
        expect_full(fault)
    fill()
    first = bytearray(flash.data)
    before = {name: dict(rows) for name, rows in model.items()}
    flash.record = operations = []
    steps, ends = [], []
    for _ in range(count):
        step = chosen(model)
        await do(tables, model, step)
        steps.append(step)
        ends.append(len(operations))
    flash.record = None
    recovery.close(store)
    vfs.umount("/f")
    return first, before, operations, steps, ends


def expect_full(fault):
    if fault.status != 507:
        raise fault


async def do(tables, found, step):
    await tables[step[0]].put(step[1], step[2])
    apply(found, step)


async def until_there_is_room(tables, found):
    """Delete until a row can be written, and write twenty."""
    n = 0
    while n < 20:
        step = "numbers", 100_000 + n, {"text": "y" * 100}
        try:
            await do(tables, found, step)
            n += 1
        except Fault as fault:
            expect_full(fault)
            for _ in range(10):
                await do(tables, found, chosen(found))


async def examine(image, model, under_way, thorough):
    """Return the faults after a cut; empty if there are none."""
    vfs.mount(mounted(Flash(data=image), False), "/f")
    store = None
    try:
        store, tables = opened()
        found = read(tables)
        if found != model:
            if under_way:
                model = {name: dict(rows) for name, rows in model.items()}
                apply(model, under_way)
            if found != model:
                return "rows differ"
        for _ in range(3):
            await do(tables, found, chosen(found))
        if thorough:
            await until_there_is_room(tables, found)
            if not os.stat(DATA + "/.reserve")[6]:
                return "no reserve"
        recovery.close(store)
        store, tables = opened()
        return "" if read(tables) == found else "rows differ afterwards"
    finally:
        if store:
            recovery.close(store)
        vfs.umount("/f")


async def main():
    random.seed(seed)
    first, model, operations, steps, ends = await record(150)
    wrong = []
    made = step = 0
    for torn, at, _ in torn_flashes(first, operations, cuts):
        while step < len(steps) and ends[step] <= at:
            apply(model, steps[step])
            step += 1
        under_way = steps[step] if step < len(steps) else None
        try:
            bad = await examine(torn, model, under_way, made % 25 == 0)
        except Exception as error:
            sys.print_exception(error, sys.stderr)
            bad = "%s: %s" % (type(error).__name__, error)
        made += 1
        if bad:
            wrong.append("cut at operation %d of step %d: %s" % (at, step, bad))
            if len(wrong) == 5:
                break
        torn = None
        gc.collect()
    rows = sum([len(rows) for rows in model.values()])
    print(json.dumps({"rows": rows, "operations": len(operations), "cuts": made, "wrong": wrong}))


asyncio.run(main())
