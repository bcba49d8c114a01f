"""Records with a CRC, one after the other: the format of every file of the store.

A record is a head (a magic byte, two lengths, the CRC-32 of the data) and its data: a JSON array,
with ``BETWEEN`` between the values. Neither ``BETWEEN`` nor the magic byte ever occurs in JSON
text. So the next whole record after a damaged one can be found, and values can be split without
parsing them.
"""

import struct
from binascii import crc32

from micropython import const

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator


# Not in MicroPython's ``errno``: ``[errno]`` of ``boards/ports/*.toml`` has the source.
ENOSPC = const(28)
_HEAD = const(9)
_MAGIC = const(0x1E)
MOST = const(8192)  # bytes of a record: what a reader must be able to hold
BETWEEN = b",\n"

# Holds the bytes of the last read. MicroPython's heap is slowest at allocating several blocks in a
# row, and they leave holes in it.
_buffer = bytearray()


def pack(values: list[bytes]) -> bytes:
    """Return the record of some JSON values."""
    data = b"[" + BETWEEN.join(values) + b"]"
    size = len(data)
    first = len(values[0])
    # The lengths are where the sum begins, so that it covers them too.
    return struct.pack("<BHHI", _MAGIC, size, first, crc32(data, first << 16 | size)) + data


def read(file: "Any", at: int, size: int) -> tuple | None:
    """Return the record at ``at``, of ``size`` bytes or less; None if it is not whole.

    The result is a view of the data, valid until the next read, and the length of its first value.
    """
    global _buffer
    if size > len(_buffer):
        _buffer = bytearray(size)
    view = memoryview(_buffer)[:size]
    file.seek(at)
    got = file.readinto(view) - _HEAD
    if got > 0:
        magic, size, first, crc = struct.unpack_from("<BHHI", view)
        data = view[_HEAD : _HEAD + size]
        if magic == _MAGIC and size <= got and crc32(data, first << 16 | size) == crc:
            return data, first
    return None


def values(data: "Any") -> list[bytes]:
    """Return the values of a record, as text."""
    return bytes(data[1:-1]).split(BETWEEN)


def records(file: "Any") -> "Iterator":
    """Yield every record as ``(offset, result of read)``; None as the result for a damaged one."""
    at = 0
    while True:
        file.seek(at)
        part = file.read(_HEAD)
        if len(part) == _HEAD:
            size = _HEAD + struct.unpack_from("<BH", part)[1]
            found = read(file, at, size) if size <= MOST else None
            if found:
                yield at, found
                at += size
                continue
        if part:
            yield at, None
        at += 1
        file.seek(at)
        while part:
            part = file.read(256)
            found = part.find(b"\x1e")
            if found >= 0:
                at += found
                break
            at += len(part)
        if not part:
            return
