"""Writes new firmware into the other slot of an ESP32, and starts it on trial.

The manifest arrives like that of an image (``receive.Steps.head``), but has its own format, so
neither can be used as the other. Bytes go directly into the slot: a sector is erased when its first
byte arrives. ``/.firmware`` records the number of bytes after every 64 kB; after a reset, the bytes
after that number are sent again. ``/.trial`` with the name of the slot marks a firmware trial: the
boot loader goes back at any reset before ``trial.py`` confirms it, and ``slots.py`` records that.
"""

import asyncio
import os
import sys
from binascii import unhexlify
from hashlib import sha256

from esp32 import Partition  # type: ignore[import-not-found, unused-ignore]
from micropython import const

from .. import Fault, kernel, update
from ..cold import cold
from . import files
from . import state as states

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_STATE = "/.firmware"
_SECTOR = const(4096)  # bytes that are erased together
_NOTED = const(65536)  # the state is written after this many bytes
_MAGIC = const(0xE9)  # esp_image_header_t: the first byte, and where the chip's number is
_CHIP = const(12)
_ERASE = const(6)  # of Partition.ioctl
_FIELDS = (
    "cluster",
    "board",
    "counter",
    "version",
    "least",
    "mpy",
    "chip",
    "size",
    "sha256",
    "confirm",
)


@cold
class Steps:
    """Requests of ``torpor update --firmware``. Each raises ``Fault``."""

    async def slot() -> dict:
        """Return which slot runs, which one would be written, and its size in bytes."""
        other = _other()
        return {
            "running": _running().info()[4],
            "other": other.info()[4],
            "room": other.info()[3],
            "chip": _chip_of(_running()),
        }

    async def fwcheck(signature: str) -> dict:
        """Verify the manifest that has arrived, and return how many bytes the slot has already."""
        from . import manifest
        from . import signature as signatures

        path = files.NEW + "head"
        try:
            signatures.check(await files.digest_of(path), signatures.number(signature))
            with open(path, "rb") as file:
                fields = manifest.named(file.readline, b"torpor-firmware 1\n", _FIELDS)
                if file.read(1):
                    raise ValueError("more lines")
            _accept(fields, manifest.version)
        except (ValueError, OSError) as e:
            raise Fault(400, "the manifest is not valid: %s" % e)
        finally:
            files.remove(path)
        before = states.read(_STATE)
        have = 0
        if before and (before["sha256"], before["slot"]) == (fields["sha256"], fields["slot"]):
            have = _there(before)
        fields["have"] = have
        states.write(_STATE, fields)
        update.arrived[:] = (have, fields["counter"])
        return {"have": have}

    async def fwput(at: int, data: bytes) -> int:
        """Append bytes to the slot, and return how many there are."""
        state = _checked()
        have = _there(state)
        if at != have:
            return have
        if have + len(data) > state["size"]:
            raise Fault(413, "the firmware has no more than %d bytes" % state["size"])
        sector, offset = divmod(have, _SECTOR)
        if not data or offset + len(data) > _SECTOR:
            raise Fault(400, "a piece must have a byte, and end in the sector in which it begins")
        if not have and (
            len(data) <= _CHIP or data[0] != _MAGIC or data[_CHIP] != int(state["chip"])
        ):
            raise Fault(422, "this does not begin as firmware for this chip does")
        other = Partition(state["slot"])
        if not offset:
            other.ioctl(_ERASE, sector)
        other.writeblocks(sector, data, offset)
        have += len(data)
        update.arrived[:] = (have, state["counter"])
        if have % _NOTED == 0 or have == state["size"]:
            state["have"] = have
            states.write(_STATE, state)
        return have

    async def fwstart() -> dict:
        """Compare the slot with what was signed, and restart the board into it."""
        from .commit import _restart

        state = _checked()
        if ".trial" in os.listdir("/"):
            raise Fault(409, "the last update is on trial")
        if state["counter"] <= states.counter():
            raise Fault(409, "this firmware was started before")
        other = Partition(state["slot"])
        if _there(state) < state["size"]:
            raise Fault(409, "the firmware has not arrived")
        if await _digest(other, state["size"]) != unhexlify(state["sha256"]):
            _forget(state)
            raise Fault(422, "the slot does not hold what was signed: send it again")
        trial = {
            "build": "MicroPython " + state["version"],
            "counter": state["counter"],
            "confirm": state["confirm"],
            "down": list(kernel.current.failed),
            "slot": state["slot"],
            "from": _running().info()[4],
        }
        states.write("/.counter", state["counter"])
        files.remove("/.failed")
        states.write("/.trial", trial)
        try:
            other.set_boot()
        except OSError as e:
            files.remove("/.trial")
            _forget(state)
            raise Fault(422, "the boot loader does not take the firmware: %s" % e)
        asyncio.create_task(_restart())
        return {"slot": state["slot"]}


@cold
def _accept(fields: dict, version) -> None:
    """Check a signed manifest, and convert its numbers."""
    cluster = kernel.current.cluster
    if (fields["cluster"], fields["board"]) != (cluster.NAME, cluster.BOARD):
        raise Fault(409, "the firmware is for %s of %s" % (fields["board"], fields["cluster"]))
    if ".trial" in os.listdir("/"):
        raise Fault(409, "the last update is on trial")
    if fields["counter"] <= states.counter():
        raise Fault(409, "the firmware is older than an update that was here: its counter is lower")
    other = _other()
    fields["slot"] = other.info()[4]
    fields["size"] = int(fields["size"])
    if fields["size"] > other.info()[3]:
        raise Fault(
            413, "the firmware has %d bytes, and a slot %d" % (fields["size"], other.info()[3])
        )
    chip = _chip_of(_running())
    if int(fields["chip"]) != chip:
        raise Fault(
            409, "the firmware is for chip %s, and this is chip %d" % (fields["chip"], chip)
        )
    if version(fields["version"]) < version(fields["least"]):
        raise Fault(409, "the image here needs MicroPython %s" % fields["least"])
    mpy = sys.implementation._mpy
    if fields["mpy"] != "%d.%d" % (mpy & 0xFF, mpy >> 8 & 3):
        raise Fault(
            409,
            "the firmware loads .mpy %s, and the image here has %d.%d: flash both over USB"
            % (fields["mpy"], mpy & 0xFF, mpy >> 8 & 3),
        )
    if len(unhexlify(fields["sha256"])) != 32:
        raise ValueError("sha256")


@cold
def _checked() -> dict:
    state = states.read(_STATE)
    if not state or state["slot"] != _other().info()[4]:
        raise Fault(409, "there is no manifest of firmware that was checked")
    return state


@cold
def _there(state: dict) -> int:
    """Return how many bytes of the firmware are in the slot."""
    if update.arrived and update.arrived[1] == state["counter"]:
        return int(update.arrived[0])
    return int(state["have"])


@cold
def _forget(state: dict) -> None:
    """Make the sender start from the first byte."""
    state["have"] = 0
    states.write(_STATE, state)
    update.arrived[:] = ()


@cold
async def _digest(other: "Any", size: int) -> bytes:
    h = sha256()
    buffer = memoryview(bytearray(512))
    for at in range(0, size, 512):
        part = buffer[: min(512, size - at)]
        other.readblocks(at // _SECTOR, part, at % _SECTOR)
        h.update(part)
        if at % _SECTOR == 0:
            await asyncio.sleep_ms(0)
    return h.digest()


@cold
def _running() -> "Any":
    return Partition(Partition.RUNNING)  # type: ignore[arg-type, unused-ignore]


@cold
def _other() -> "Any":
    """Return the slot that does not run. Raises ``Fault`` if the board has only one."""
    running = _running()
    try:
        other = running.get_next_update()
        if other.info()[4] != running.info()[4]:
            return other
    except OSError:
        pass
    raise Fault(409, "the board has a single slot for firmware: torpor flash over USB once")


@cold
def _chip_of(slot: "Any") -> int:
    """Return the number of the chip that the firmware in a slot is for."""
    head = bytearray(16)
    slot.readblocks(0, head, 0)
    return head[_CHIP]
