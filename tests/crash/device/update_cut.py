"""Cuts the power at every flash operation of an update: ``update_cut.py FIRMWARE CASE CUTS DEEP``.

CASE is a JSON file: the files of the old image and of the new one, manifest, signature, keys. The
update runs twice, once to its confirmation and once to its failure and back, and every operation is
recorded. A cut at operation n is then the flash with the first n operations done, and of the next
one nothing, half, or nearly all. The board is started from that flash, and must have the complete
old image or the complete new one. If it is on trial, the trial ends as it did in the recording, and
the image that then runs must be complete too. If the update drops the data of a service, the new
image must start without that data, and the old one must have all of it; the new image is then one
of an older torpor, whose ``slots.py`` cannot drop data. Each ``DEEP``-th start is itself cut at
every operation. From some of the flashes the update is done again, and must succeed. Prints JSON.
"""

import sys

firmware, here = sys.argv[1], sys.argv[0].rsplit("/", 1)[0]
with open(sys.argv[2]) as file:
    case = __import__("json").load(file)
cuts, deep = int(sys.argv[3]), int(sys.argv[4])
sys.path[:] = [firmware, here, ".frozen"]

import asyncio  # noqa: E402
import gc  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
from binascii import b2a_base64, unhexlify  # noqa: E402

import vfs  # noqa: E402
from flash import Flash, mounted, torn_flashes  # noqa: E402
from parts import Kernel, Machine, ResetError  # noqa: E402

from torpor import kernel  # noqa: E402
from torpor.update import (  # noqa: E402, F401  (found only now)
    accept,
    commit,
    manifest,
    pieces,
    plan,
    receive,
    report,
    signature,
    state,
    status,
)
from torpor.update import update as ask  # noqa: E402

BLOCKS = 112
OLD = {path: unhexlify(data) for path, data in case["old"].items()}
NEW = {path: unhexlify(data) for path, data in case["new"].items()}
KEPT = {
    "secrets.json": b"{}",
    "data/notes/log": bytes(range(200)) * 9,
    "data/notes/leaves/a": b"a" * 5000,
    "data/other/log": bytes(70),
}
DROP = case["drop"]  # whether the update drops the data of the service notes
WRITTEN = {"data/notes/log": b"new", "data/notes/deep/er": b"new"}  # by the new image in its trial
MANIFEST = unhexlify(case["manifest"])
PIECE = 1024


sys.modules["machine"] = Machine()
kernel.current = Kernel
import slots  # noqa: E402

DROPPING = slots._set_aside, slots._restore


def write(files):
    for path, data in files.items():
        at = path.find("/")
        while at >= 0:
            try:
                os.mkdir("/" + path[:at])
            except OSError:
                pass
            at = path.find("/", at + 1)
        with open("/" + path, "wb") as file:
            file.write(data)


def read(folder=""):
    """Return all files but the hidden ones."""
    files = {}
    for entry in os.ilistdir(folder or "/"):
        path = folder + "/" + entry[0]
        if entry[0][0] == ".":
            continue
        if entry[1] == 0x4000:
            files.update(read(path))
        else:
            with open(path, "rb") as file:
                files[path[1:]] = file.read()
    return files


def stored(data):
    """Return ``data`` as base64 of a deflate stream of stored blocks."""
    n = len(data)
    head = bytes([1, n & 255, n >> 8, ~n & 255, ~n >> 8 & 255])
    return str(b2a_base64(head + data), "utf-8").strip()


async def update():
    """Update the board as ``torpor update`` does, without the network."""
    for at in range(0, len(MANIFEST), PIECE):
        await ask("head", at=at, data=stored(MANIFEST[at : at + PIECE]))
    answer = await ask("check", signature=case["signature"])
    for place, have in answer["needed"]:
        line = MANIFEST[place : MANIFEST.find(b"\n", place)]
        size, path = str(line, "utf-8").split(" ", 2)[1:]
        while True:
            data = stored(NEW[path][have : have + PIECE])
            have = await ask("put", line=place, at=have, data=data)
            if have >= int(size):
                break
    await ask("commit")


def start(cause=1):
    """Start the board until it stays up."""
    Machine.cause = cause
    for _ in range(6):
        for name in ("boot.py", "slots.mpy", "swap.mpy", "main.py"):
            os.stat("/" + name)  # without them the chip could not start at all
        with open("/slots.mpy", "rb") as file:
            older = DROP and file.read() == NEW["slots.mpy"]
        slots._set_aside, slots._restore = (_ignore, _ignore) if older else DROPPING
        try:
            slots.begin("/")
            return
        except ResetError:
            Machine.cause = 3
    raise AssertionError("it restarts repeatedly")


def _ignore(root):
    pass


def end_trial(good):
    if ".trial" not in os.listdir("/"):
        return
    if DROP:
        write(WRITTEN)
    if good:
        os.remove("/.trial")
        slots.remove("/.dropped")
        return
    if good is None:
        start(Machine.WDT_RESET)
        with open("/.failed") as file:
            failed = json.load(file)
        assert failed["reason"] == slots._HUNG, failed
        assert failed["crumb"] == 0, failed
        return
    try:
        slots.failed("not healthy")
    except ResetError:
        start(3)


def record(good):
    """Run the update; return the first flash and the operations."""
    flash = Flash(BLOCKS)
    vfs.mount(mounted(flash), "/")
    write(OLD)
    write(KEPT)
    first = bytes(flash.data)
    flash.record = []
    asyncio.run(update())
    start(3)
    assert ".trial" in os.listdir("/")
    assert image() == "new", image()
    end_trial(good)
    assert image() == ("new" if good else "old"), image()
    operations = flash.record
    vfs.umount("/")
    return first, operations


def image():
    """Return which image the flash has."""
    files = read()
    kept = {path: files.pop(path) for path in list(files) if path in KEPT or path[:5] == "data/"}
    if files == OLD:
        return "old" if kept == KEPT else "old, and data has changed: %s" % list(kept)
    if files == NEW:
        if DROP and kept.get("data/notes/log") != KEPT["data/notes/log"]:
            return "new" if kept["data/other/log"] == KEPT["data/other/log"] else "other data"
        return "new" if kept == KEPT and not DROP else "new, and data: %s" % list(kept)
    wrong = [p for p in sorted(set(files) | set(NEW)) if files.get(p) != NEW.get(p)]
    return "mixed: %s; hidden: %s" % (wrong, [n for n in os.listdir("/") if n[0] == "."])


def examine(data, good, again, record=None):
    """Return the fault of a flash after a cut; empty if there is none."""
    flash = Flash(data=data, record=record)
    vfs.mount(mounted(flash, False), "/")
    try:
        start()
        found = image()
        if found not in ("old", "new"):
            return found
        trial = ".trial" in os.listdir("/")
        if trial and found != "new":
            return "the old image is on trial"
        end_trial(good)
        after = image()
        if after != ("new" if found == "new" and (good or not trial) else "old"):
            return "after the trial: " + after
        if ".trial" in os.listdir("/"):
            return "the trial has not ended"
        if again and after == "old":
            os.remove("/.counter") if ".counter" in os.listdir("/") else None
            if DROP:  # an image of an older torpor has left it
                write({".dropped/notes/log": b"stale"})
            asyncio.run(update())
            start(3)
            found = image()
            end_trial(True)
            if found != "new" or image() != "new":
                return "the next update: %s, then %s" % (found, image())
        return ""
    finally:
        vfs.umount("/")


def grown():
    """Return the faults when a line is added to a manifest while its signature is checked."""
    flash = Flash(BLOCKS)
    vfs.mount(mounted(flash), "/")
    write(OLD)
    line = b"%s 1 zz/unsigned.mpy\n" % (b"0" * 64)

    async def race():
        for at in range(0, len(MANIFEST), PIECE):
            await ask("head", at=at, data=stored(MANIFEST[at : at + PIECE]))
        checked = ask("check", signature=case["signature"])
        await asyncio.gather(checked, ask("head", at=len(MANIFEST), data=stored(line)))

    asyncio.run(race())
    with open("/.new/manifest", "rb") as file:
        same = file.read() == MANIFEST
    vfs.umount("/")
    return [] if same else ["the manifest has a line that nobody signed"]


def main():
    made = operations_made = 0
    wrong = grown()
    for good in (True, False, None):  # None: the watchdog ends the trial
        first, operations = record(good)
        operations_made += len(operations)
        for torn, at, part in torn_flashes(first, operations, cuts):
            made += 1
            what = "operation %d, %d%%" % (at, part)
            nested = [] if deep and made % deep == 0 else None
            before = bytes(torn) if nested is not None else b""
            try:
                found = examine(torn, good, made % 40 == 0, nested)
                if not found and nested:
                    for twice, at, part in torn_flashes(before, nested, 60):
                        made += 1
                        found = examine(twice, good, False)
                        if found:
                            what += ", then operation %d, %d%%" % (at, part)
                            break
            except Exception as error:
                sys.print_exception(error, sys.stderr)
                found = "%s: %s" % (type(error).__name__, error)
            if found:
                wrong.append("good %s, cut at %s: %s" % (good, what, found))
                if len(wrong) == 5:
                    break
            if made % 16 == 0:
                gc.collect()
    print(json.dumps({"operations": operations_made, "cuts": made, "wrong": wrong}))


vfs.umount("/")
main()
