"""Sent to the board's REPL by ``torpor deploy`` and called there; not part of any image.

The host reads what these print. ``/.new`` and its list are explained in ``swap.py``.
"""

import os
import sys
from binascii import a2b_base64, hexlify
from hashlib import sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_STAGED = "/.new/"
_file: "Any" = None


def about():
    """Port, description, version of the bytecode, free bytes of the filesystem, its block size."""
    s = os.statvfs("/")
    mpy = getattr(sys.implementation, "_mpy", 0)
    machine = getattr(sys.implementation, "_machine", "")
    print(repr((sys.platform, machine, mpy & 0xFF, s[0] * s[3], s[0])))


def digest(path):
    """The SHA-256 of a file in hexadecimal; empty if there is none."""
    h = sha256()
    buffer = memoryview(bytearray(512))
    try:
        with open(path, "rb") as file:
            while True:
                n = file.readinto(buffer)
                if not n:
                    break
                h.update(buffer[:n])
    except OSError:
        return ""
    return str(hexlify(h.digest()), "ascii")


def digests(paths):
    for path in paths:
        print(digest(path))


def text(path):
    try:
        with open(path) as file:
            sys.stdout.write(file.read())
    except OSError:
        pass


def clear():
    """Remove the files of an earlier deploy or of an update over the network.

    An update that is on trial is not kept, so slots.py restores the data that it dropped.
    """
    names = os.listdir("/")
    if ".trial" in names and ".dropped" in names:
        with open("/.restore", "w") as file:
            file.write("\n".join(os.listdir("/.dropped")))
    for name in (".trial", ".failed"):
        if name in os.listdir("/"):
            os.remove("/" + name)
    _clear("/.new", "plan", ("commit", "update"))
    _clear("/.old", "back~", ("back",))


def _clear(folder, any, lists):
    """Remove a folder. Its list goes first: half a change is not valid."""
    try:
        open(folder + "/" + any, "w").close()  # see swap.py: now all that is there shows
        names = os.listdir(folder)
    except OSError:
        return
    for name in sorted(names, key=lambda name: name not in lists):
        os.remove(folder + "/" + name)
    os.rmdir(folder)


def begin(number):
    global _file
    try:
        os.mkdir("/.new")
    except OSError:
        pass  # it is there
    _file = open(_STAGED + str(number), "wb")


def add(data):
    _file.write(a2b_base64(data))


def end(number):
    _file.close()
    print(digest(_STAGED + str(number)))


def commit(lines):
    """Make the list valid with one rename."""
    with open(_STAGED + "plan", "w") as file:
        for line in lines:
            file.write(line + "\n")
    os.rename(_STAGED + "plan", _STAGED + "commit")
