"""Cuts the power at every operation of the flash: ``power_cut.py FIRMWARE SEED COMMITS CUTS``.

The workload runs once and every operation is recorded. A cut at operation n is then the flash with
the first n operations done, and of the next one nothing, half, or nearly all. It is mounted and
opened, and must contain every commit that had returned, and the one that had begun either
completely or not at all. Then it must accept new commits, and contain them after one more start.
Prints JSON.
"""

import sys

firmware, here = sys.argv[1], sys.argv[0].rsplit("/", 1)[0]
seed, commits, cuts = [int(word) for word in sys.argv[2:5]]
sys.path[:] = [firmware, here, ".frozen"]

import asyncio  # noqa: E402
import gc  # noqa: E402
import json  # noqa: E402

import vfs  # noqa: E402
import workload  # noqa: E402
from flash import Flash, mounted, torn_flashes  # noqa: E402

BLOCKS = 48
DATA = "/f/data"


async def record():
    """Run the workload; return the first image, the operations, and where each step ended."""
    flash = Flash(BLOCKS)
    vfs.mount(mounted(flash), "/f")
    tables = workload.opened(DATA, 0)
    first = bytes(flash.data)
    flash.record = []
    ends = []
    steps = list(workload.steps(seed, commits))
    for step in steps:
        tables = await workload.perform(DATA, tables, step)
        ends.append(len(flash.record))
    operations = flash.record
    workload.close()
    vfs.umount("/f")
    return first, operations[: ends[-1]], steps, ends


async def examine(image, model, step, thorough):
    """Return the faults of an image after a cut; empty if there are none."""
    vfs.mount(mounted(Flash(data=image), False), "/f")
    try:
        tables = workload.as_it_is(DATA)
        found = tables.read()
        wrong = workload.difference(found, model)
        if wrong and step:
            # The step that had begun may be there, if it is complete.
            after = {n: dict(t) if isinstance(t, dict) else t for n, t in model.items()}
            workload.apply(after, step)
            wrong = workload.difference(found, after) and wrong
        if wrong:
            return wrong
        return await go_on(tables, found, thorough)
    finally:
        workload.close()
        vfs.umount("/f")


async def go_on(tables, found, thorough):
    log = max(found["log"], default=0)
    for n in range(90 if thorough else 2):
        log += 1
        found["log"][log] = {"again": n}
        await tables.log.append({"again": n}, log)
        found["kv"]["again%d" % (n % 9)] = {"v": n, "group": "again"}
        await tables.kv.put("again%d" % (n % 9), {"v": n, "group": "again"})
    tables = workload.as_it_is(DATA)
    wrong = workload.difference(tables.read(), found)
    if not wrong and tables.kv.where:
        by_index = sorted([key for key, row in found["kv"].items() if row["group"] == "g1"])
        listed = []
        async for key, _ in tables.kv.where("group", "g1"):
            listed.append(key)
        if listed != by_index:
            wrong = "the index has %s, not %s" % (listed, by_index)
    return "afterwards: " + wrong if wrong else ""


async def main():
    first, operations, steps, ends = await record()
    model = workload.empty()
    wrong = []
    made = step = 0
    for torn, at, part in torn_flashes(first, operations, cuts):
        while step < len(steps) and ends[step] <= at:
            workload.apply(model, steps[step])
            step += 1
        under_way = steps[step] if step < len(steps) else None
        try:
            found = await examine(torn, model, under_way, made % 40 == 0)
        except Exception as error:
            sys.print_exception(error, sys.stderr)
            found = "%s: %s" % (type(error).__name__, error)
        made += 1
        if found:
            wrong.append("cut at operation %d, %d%% of it: %s" % (at, part, found))
            if len(wrong) == 5:
                break
        gc.collect()
    result = {"commits": len(steps), "operations": len(operations), "cuts": made, "wrong": wrong}
    print(json.dumps(result))


asyncio.run(main())
