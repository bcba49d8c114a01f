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
    from typing import Generator

NEW = "/.new/"
OLD = "/.old/"
_BLOCK = const(4096)  # bytes that are hashed at a time
_PART = const(256)  # bytes of lines that are read at a time


@cold
def line_of(digest: bytes, size: int, path: str) -> bytes:
    return ("%s %d %s\n" % (hexlify(digest).decode(), size, path)).encode()


@cold
def name_of(line: bytes) -> str:
    return hexlify(sha256(line).digest()[:8]).decode()


# An open file takes 1.2 kB of heap, as long as anything refers to it. A coroutine still does when
# it has ended, so only functions open files.
@cold
async def digest_of(path: str) -> bytes:
    """Return the SHA-256 of a file; empty if there is none."""
    h = sha256()
    at = 0
    while True:
        n = _hash(h, path, at)
        if n < 0:
            return b""
        if n < _BLOCK:
            return h.digest()
        at += n
        await asyncio.sleep_ms(0)


@cold
def _hash(h, path: str, at: int) -> int:
    """Hash a block of a file, and return its bytes, or -1 if the file does not exist."""
    buffer = memoryview(bytearray(512))
    hashed = 0
    try:
        with open(path, "rb") as file:
            file.seek(at)
            while hashed < _BLOCK:
                n = file.readinto(buffer)
                if not n:
                    break
                h.update(buffer[:n])
                hashed += n
    except OSError:
        return -1
    return hashed


@cold
def lines(path: str, at: int = 0) -> "Generator[bytes, None, None]":
    """Yield the lines of a file from that offset. A line has at most 256 bytes.

    The file is closed in between, because an open file takes 1.2 kB of heap.
    """
    while True:
        part = _part(path, at)
        if not part:
            return
        start = 0
        while True:
            end = part.find(b"\n", start) + 1
            if not end:
                break
            yield part[start:end]
            start = end
        if not start:  # the end of the file lacks a line end
            yield part
            return
        at += start
        part = b""


@cold
def _part(path: str, at: int) -> bytes:
    with open(path, "rb") as file:
        file.seek(at)
        return file.read(_PART)


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
