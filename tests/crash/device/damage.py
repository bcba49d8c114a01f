"""Damages files of a database in many ways: ``damage.py FIRMWARE SEED COMMITS TIMES``.

The database that is opened afterwards must contain only rows that were once written, must report
lost rows, and must accept new commits. Prints JSON.
"""

import sys

firmware, here = sys.argv[1], sys.argv[0].rsplit("/", 1)[0]
seed, commits, times = [int(word) for word in sys.argv[2:5]]
sys.path[:] = [firmware, here, ".frozen"]

import asyncio  # noqa: E402
import gc  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import random  # noqa: E402

import vfs  # noqa: E402
import workload  # noqa: E402
from flash import Flash, mounted  # noqa: E402

BLOCKS = 64
DATA = "/f/data"
FOLDER = DATA + "/" + workload.NAME + "/"


async def write(flash):
    """Run the workload; return every row that a key ever had, and the model at the end."""
    vfs.mount(mounted(flash), "/f")
    tables = workload.opened(DATA, 0)
    model = workload.empty()
    history = {}
    for step in workload.steps(seed, commits):
        tables = await workload.perform(DATA, tables, step)
        workload.apply(model, step)
        keys = [(t, k) for t, k, _ in step[1]] if step[0] == "write" else None
        for table in workload.empty():
            if table != "version":
                for key, row in model[table].items():
                    if keys is None or (table, key) in keys:
                        history.setdefault((table, key), []).append(row)
    workload.close()
    vfs.umount("/f")
    return history, model


def damage():
    """Damage one file; return how."""
    names = sorted(name for name in os.listdir(FOLDER) if "." in name) + ["log/journal"]
    path = FOLDER + names[random.randrange(len(names))]
    with open(path, "rb") as file:
        data = bytearray(file.read())
    kind = random.randrange(5)
    at = random.randrange(len(data) + 1)
    if kind == 0 and at < len(data):
        data[at] ^= 1 << random.getrandbits(3)
    elif kind == 1:
        for n in range(at, min(len(data), at + random.randrange(1, 600))):
            data[n] = random.getrandbits(8)
    elif kind == 2:
        data = data[:at]
    elif kind == 3:
        data += bytes([random.getrandbits(8) for _ in range(random.randrange(1, 60))])
    else:
        data = data[:at] + data[min(len(data), at + random.randrange(1, 40)) :]
    with open(path, "wb") as file:
        file.write(data)
    return "%s of %s at %d" % (("flip", "noise", "cut", "tail", "hole")[kind], path, at)


def judge(found, history, model):
    if found["version"] != model["version"]:
        return "version %d" % found["version"]
    for name, rows in found.items():
        if name != "version":
            for key, row in rows.items():
                if row not in history.get((name, key), ()):
                    return "%s has %s under %s, which was never written" % (name, row, key)
    return ""


async def examine(data, history, model):
    vfs.mount(mounted(Flash(data=data), False), "/f")
    try:
        what = damage()
        tables = workload.as_it_is(DATA)
        found = tables.read()
        wrong = judge(found, history, model)
        lost = tables.store.lost + sum([t.leaves.lost for t in tables.all().values()])
        if not wrong and not lost and not workload.difference(found, model):
            lost = -1  # the damage changed no row
        for n in range(60):
            await tables.kv.put("after%d" % n, {"v": n, "group": "g1"})
        for n in range(60):
            if await workload.as_it_is(DATA).kv.get("after%d" % n) != {"v": n, "group": "g1"}:
                wrong = wrong or "a row written afterwards is missing"
            if n == 3:
                break
        return what, wrong, lost
    finally:
        workload.close()
        vfs.umount("/f")


async def main():
    flash = Flash(BLOCKS)
    history, model = await write(flash)
    wrong, counted = [], 0
    for n in range(times):
        random.seed(seed * 100000 + n)
        what = ""
        try:
            what, bad, lost = await examine(bytearray(flash.data), history, model)
            counted += lost > 0
        except Exception as error:
            sys.print_exception(error, sys.stderr)
            bad = "%s: %s" % (type(error).__name__, error)
        if bad:
            wrong.append("damage %d, %s: %s" % (n, what, bad))
            if len(wrong) == 5:
                break
        gc.collect()
    print(json.dumps({"times": times, "counted": counted, "wrong": wrong}))


asyncio.run(main())
