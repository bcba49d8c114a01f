"""The files of an update below ``/.new`` and ``/.old``, and file functions for other modules.

The name of such a file is a hash of its line in the manifest. So an update finds the files that an
interrupted update left, or that the previous image had, by their names.
"""

import asyncio
import os
from binascii import hexlify
from hashlib import sha256

from micropython import const

from ..cold import cold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

NEW = "/.new/"
OLD = "/.old/"
_BLOCK = const(4096)  # bytes that are hashed at a time
_MAX_LINE = const(240)  # bytes of a manifest's line, with its end


@cold
def line_of(digest: bytes, size: int, path: str) -> bytes:
    return ("%s %d %s\n" % (hexlify(digest).decode(), size, path)).encode()


@cold
def name_of(line: bytes) -> str:
    return hexlify(sha256(line).digest()[:8]).decode()


@cold
async def digest_of(path: str) -> bytes:
    """Return the SHA-256 of a file; empty if there is none."""
    h = sha256()
    buffer = memoryview(bytearray(512))
    hashed = 0
    try:
        with open(path, "rb") as file:
            while True:
                n = file.readinto(buffer)
                if not n:
                    return h.digest()
                h.update(buffer[:n])
                hashed += n
                if hashed % _BLOCK == 0:
                    await asyncio.sleep_ms(0)
    except OSError:
        return b""


@cold
def read_line(file: "Any") -> bytes:
    """Return what ``file.readline(240)`` returns, which reads the file byte by byte."""
    data = file.read(_MAX_LINE)
    end = data.find(b"\n") + 1
    if not 0 < end < len(data):
        return data
    file.seek(end - len(data), 1)
    return data[:end]


@cold
def counter() -> int:
    """Return the highest counter that was ever committed here."""
    return read("/.counter") or 0


@cold
def read(path: str) -> "Any":
    """Return the JSON of a file; None if there is none."""
    import json

    try:
        with open(path) as file:
            return json.load(file)
    except (OSError, ValueError):
        return None


@cold
def write(path: str, value: "Any") -> None:
    """Replace a file atomically."""
    import json

    with open(path + "~", "w") as file:
        json.dump(value, file)
    os.rename(path + "~", path)


@cold
def size_of(path: str) -> int:
    """Return the size of a file, or -1 if there is none."""
    try:
        return os.stat(path)[6]
    except OSError:
        return -1


@cold
def mkdir(path: str) -> None:
    try:
        os.mkdir(path[:-1])
    except OSError:
        pass  # it is there


@cold
def remove(path: str) -> None:
    try:
        os.remove(path)
    except OSError:
        pass  # it is not there


@cold
def clear(folder: str) -> None:
    """Remove a folder, its list first: without the list, a half-removed change is not valid."""
    try:
        names = os.listdir(folder[:-1])
    except OSError:
        return
    for name in sorted(names, key=lambda name: name != "back"):
        os.remove(folder + name)
    os.rmdir(folder[:-1])
