"""Cuts the power at every flash operation of a firmware update.

``firmware_cut.py FIRMWARE CASE CUTS``. CASE is a JSON file: two programs for slots, manifest,
signature, keys. The update runs once to its confirmation and once to its failure, and every
operation on the flash is recorded: of the filesystem, the slots, and the two sectors of otadata. A
cut at operation n is the flash with the first n done, and of the next one nothing, half, or nearly
all. Then the boot loader must find complete firmware, the board must know which it is, and the
update must succeed. Prints JSON.
"""

import sys

firmware, here = sys.argv[1], sys.argv[0].rsplit("/", 1)[0]
with open(sys.argv[2]) as file:
    case = __import__("json").load(file)
cuts = int(sys.argv[3])
import binascii  # noqa: E402, F401
import errno  # noqa: E402
import hashlib  # noqa: E402, F401
import struct  # noqa: E402, F401

sys.modules["errno"] = errno  # the shims have that of a chip
sys.path[:] = [case["shims"]]
import _bootloader  # noqa: E402  (it changes the path)
import _otadata  # noqa: E402
import _partition  # noqa: E402

sys.path[:] = [firmware, here, ".frozen"]

import asyncio  # noqa: E402
import gc  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
from binascii import b2a_base64, unhexlify  # noqa: E402

import vfs  # noqa: E402
from flash import BLOCK, Flash, mounted, torn_flashes  # noqa: E402
from parts import Kernel, Machine, ResetError  # noqa: E402

from torpor import kernel  # noqa: E402
from torpor.update import update as ask  # noqa: E402

FILES = 48  # blocks of the filesystem
SLOT = 8 * BLOCK
AT = FILES * BLOCK
TABLE = [
    ["otadata", 1, 0, AT, 2 * BLOCK],
    ["ota_0", 0, 0x10, AT + 2 * BLOCK, SLOT],
    ["ota_1", 0, 0x11, AT + 2 * BLOCK + SLOT, SLOT],
]
OLD, NEW = unhexlify(case["old"]), unhexlify(case["new"])
MANIFEST = unhexlify(case["manifest"])
PIECE = 1024


class Esp32:
    Partition = None


class Files:
    """The part of the flash that belongs to the filesystem."""

    def __init__(self, flash):
        self._flash = flash
        self.readblocks = flash.readblocks
        self.writeblocks = flash.writeblocks

    def ioctl(self, op, arg):
        return FILES if op == 4 else self._flash.ioctl(op, arg)


class Chip:
    """The whole flash, as the boot loader and ``esp32.Partition`` use it."""

    def __init__(self, flash):
        self._flash = flash

    def read(self, at, buffer):
        self._flash.readblocks(0, buffer, at)

    def erase(self, at):
        self._flash.ioctl(6, at // BLOCK)

    def write(self, at, data):
        self._flash.writeblocks(0, data, at)


sys.modules["machine"] = Machine()
sys.modules["esp32"] = Esp32
kernel.current = Kernel
import slots  # noqa: E402
from torpor.update import commit, files, manifest, pieces, receive, report, signature, state  # noqa: E402, F401  (found only now)
from torpor.update import firmware as update_firmware  # noqa: E402


def stored(data):
    """Return ``data`` as base64 of a deflate stream of stored blocks."""
    n = len(data)
    head = bytes([1, n & 255, n >> 8, ~n & 255, ~n >> 8 & 255])
    return str(b2a_base64(head + data), "utf-8").strip()


class Board:
    """A chip with its flash, on which the update runs."""

    def __init__(self, flash, make=False):
        self.flash = flash
        self.chip = Chip(flash)
        self.running = ""
        vfs.mount(mounted(Files(flash), make), "/")
        if make:
            flash.data[AT : AT + 2 * BLOCK] = b"\xff" * (2 * BLOCK)
            flash.data[TABLE[1][3] : TABLE[1][3] + len(OLD)] = OLD
            with open("/signing.pub", "wb") as file:
                file.write(unhexlify(case["keys"]))

    def boot(self, cause=1):
        """Start the chip until its program stays up."""
        Machine.cause = cause
        for _ in range(6):
            self.running = _bootloader.boot(self.chip, TABLE)[0]
            Esp32.Partition = _partition.partition_class(self.chip, TABLE, self.running)
            update_firmware.Partition = Esp32.Partition
            sys.modules["torpor.update"].arrived[:] = ()
            try:
                if {".new", ".trial"} & set(os.listdir("/")):
                    slots.begin("/")
                return
            except ResetError:
                Machine.cause = 3
        raise AssertionError("it restarts repeatedly")

    async def _update(self):
        for at in range(0, len(MANIFEST), PIECE):
            await ask("head", at=at, data=stored(MANIFEST[at : at + PIECE]))
        have = (await ask("fwcheck", signature=case["signature"]))["have"]
        while have < len(NEW):
            have = await ask("fwput", at=have, data=stored(NEW[have : have + PIECE]))
        await ask("fwstart")

    def update(self):
        asyncio.run(self._update())
        self.boot(3)

    def trial(self):
        return slots._read("/") if ".trial" in os.listdir("/") else None

    def end_trial(self, good):
        if good:
            slots.keep(self.trial())
            os.remove("/.trial")
            return
        try:
            slots.failed("not healthy")
        except ResetError:
            self.boot(3)

    def holds(self):
        """Return which program runs: old, new, or what is wrong with it."""
        entry = next(e for e in TABLE if e[0] == self.running)
        for name, program in (("old", OLD), ("new", NEW)):
            if self.flash.data[entry[3] : entry[3] + len(program)] == program:
                return name
        return "neither"

    def state(self):
        entries = _otadata.read(self.chip, AT)
        n = _otadata.active(entries)
        return entries[n][1] if n >= 0 else -1


def record(good):
    """Run the update; return the first flash and the operations."""
    flash = Flash(FILES + 2 + 2 * SLOT // BLOCK)
    board = Board(flash, True)
    board.boot()
    first = bytes(flash.data)
    flash.record = []
    board.boot()
    board.update()
    assert board.holds() == "new", board.holds()
    assert board.trial(), os.listdir("/")
    board.end_trial(good)
    assert board.holds() == ("new" if good else "old"), board.holds()
    board.boot()
    assert board.holds() == ("new" if good else "old"), board.holds()
    operations = flash.record
    vfs.umount("/")
    return first, operations


def examine(data, good, again):
    """Return the fault of a flash after a cut; empty if there is none."""
    board = Board(Flash(data=data))
    try:
        board.boot()
        found = board.holds()
        if found not in ("old", "new"):
            return "the firmware that runs is complete in no slot"
        trial = board.trial()
        if trial:
            if found != "new" or trial["slot"] != board.running:
                return "%s is on trial, and the trial is of %s" % (found, trial["slot"])
            board.end_trial(good)
            found = board.holds()
            if found != ("new" if good else "old"):
                return "after the trial it has the %s firmware" % found
        if board.trial():
            return "the trial has not ended"
        if board.state() != _otadata.VALID:
            return "the firmware that runs is not confirmed: state %d" % board.state()
        running = board.running
        board.boot()
        if board.running != running:
            return "the next start runs other firmware"
        if again and found == "old":
            if ".counter" in os.listdir("/"):
                os.remove("/.counter")
            board.update()
            if board.holds() != "new" or not board.trial():
                return "the next update: " + board.holds()
            board.end_trial(True)
            board.boot()
            if board.holds() != "new":
                return "the next update, later: " + board.holds()
        return ""
    finally:
        vfs.umount("/")


def main():
    made = operations_made = 0
    wrong = []
    for good in (True, False):
        first, operations = record(good)
        operations_made += len(operations)
        for torn, at, part in torn_flashes(first, operations, cuts):
            made += 1
            try:
                found = examine(torn, good, made % 8 == 0)
            except Exception as error:
                sys.print_exception(error, sys.stderr)
                found = "%s: %s" % (type(error).__name__, error)
            if found:
                wrong.append("good %s, operation %d, %d%%: %s" % (good, at, part, found))
                if len(wrong) == 5:
                    break
            if made % 16 == 0:
                gc.collect()
    print(json.dumps({"operations": operations_made, "cuts": made, "wrong": wrong}))


vfs.umount("/")
main()
