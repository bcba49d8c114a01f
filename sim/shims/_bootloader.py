"""ESP-IDF's boot loader: which slot starts. ``micropython _bootloader.py RUN CAUSE``.

RUN is the run folder of a board, CAUSE its reset cause. Prints JSON: the slot, and what it holds.
No firmware but the simulator's own can run. What a slot holds decides the version that
``os.uname()`` reports, and the text ``torpor-sim: crash`` or ``torpor-sim: hang`` in it stands for
firmware that does not get as far as ``boot.py``.
"""

import sys

_here = sys.path[0]
sys.path[:] = [".frozen"]  # this folder has other modules of these names
import binascii  # noqa: E402, F401
import hashlib  # noqa: E402, F401
import json  # noqa: E402
import struct  # noqa: E402, F401

sys.path[:] = [_here]
import _image  # noqa: E402
import _otadata  # noqa: E402


def boot(flash, table):
    """Choose a slot as ``bootloader_utility_get_selected_boot_partition`` does; its entry.

    Raises ``OSError`` if no slot has an image.
    """
    at = _otadata.place(table)
    slots = _otadata.slots_of(table)
    entries = _otadata.read(flash, at)
    for n in (0, 1):
        if entries[n][0] and entries[n][1] == _otadata.PENDING:
            entries[n][1] = _otadata.ABORTED
            _otadata.write(flash, at, n, *entries[n])
    n = _otadata.active(entries)
    index = 0  # there is no factory firmware: the first slot is tried
    if n >= 0:
        index = (entries[n][0] - 1) % len(slots)
        if entries[n][1] == _otadata.NEW:
            _otadata.write(flash, at, n, entries[n][0], _otadata.PENDING)
    for i in list(range(index, -1, -1)) + list(range(index + 1, len(slots))):
        if _image.is_image(flash, slots[i][3], slots[i][4]):
            if not (entries[0][0] or entries[1][0]):
                _otadata.write(flash, at, 0, i + 1, _otadata.VALID)
            return slots[i]
    raise OSError("No bootable app partitions in the partition table")


def _main(run, cause):
    with open(run + "/partitions.json") as file:
        table = json.load(file)
    sys.modules["_sim"] = type("facts", (), {"facts": {}})  # type: ignore[assignment]
    from _slots import Flash

    flash = Flash(run + "/slots.bin")
    if cause == "soft":  # MicroPython starts again, not the chip
        n = _otadata.active(_otadata.read(flash, _otadata.place(table)))
        slots = _otadata.slots_of(table)
        number = _otadata.read(flash, _otadata.place(table))[n][0] if n >= 0 else 1
        slot = slots[(number - 1) % len(slots)]
    else:
        slot = boot(flash, table)
    buffer = bytearray(1024)
    flash.read(slot[3], buffer)
    text = bytes(buffer)
    found: dict = {"slot": slot[0], "states": _otadata.read(flash, _otadata.place(table))}
    at = text.find(b"MicroPython v")
    if at >= 0:
        found["release"] = str(text[at + 13 : text.find(b" ", at + 13)], "utf-8")
    for fault in ("crash", "hang"):
        if text.find(b"torpor-sim: " + fault.encode()) >= 0:
            found["fault"] = fault
    print(json.dumps(found))


if __name__ == "__main__":
    _main(*sys.argv[1:])
