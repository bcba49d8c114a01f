"""Records with a CRC, one after the other in a file: what every file of the store consists of.

A record is a mark, the length and the CRC-32 of its data, and the data: JSON lines. The mark never
occurs in JSON text, so that behind a damaged record the next whole one is found again.
"""

import struct
from binascii import crc32

from micropython import const

_HEAD = const(7)
_MARK = const(0x1E)
MOST = const(8192)  # bytes of data in a record: what a reader must be able to hold


def pack(data: bytes) -> bytes:
    """The record that holds ``data``."""
    return struct.pack("<BHI", _MARK, len(data), crc32(data, len(data))) + data


def read(file, at: int) -> bytes | None:
    """The data of the record at the offset ``at``; None if there is no whole one."""
    file.seek(at)
    head = file.read(_HEAD)
    if len(head) == _HEAD:
        mark, size, crc = struct.unpack("<BHI", head)
        if mark == _MARK and size <= MOST:
            data = file.read(size)
            if len(data) == size and crc32(data, size) == crc:
                return data
    return None


def records(file):
    """Every record as ``(offset, data)``, and ``(offset, None)`` where something is damaged."""
    at = 0
    while True:
        data = read(file, at)
        if data is not None:
            yield at, data
            at += _HEAD + len(data)
            continue
        file.seek(at)
        part = file.read(1)
        if part:
            yield at, None
        at += 1
        while part:
            part = file.read(256)
            found = part.find(b"\x1e")
            if found >= 0:
                at += found
                break
            at += len(part)
        if not part:
            return
