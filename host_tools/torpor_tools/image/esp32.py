"""One ``.bin`` for an ESP32 board: the official firmware with our filesystem behind it.

The official partition table names no filesystem: the firmware makes a partition ``vfs`` of all that
is left of the *physical* flash and refuses a filesystem of another size. So that one image runs on
chips with more flash too, the table gets an entry ``vfs`` of exactly our size.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import md5

from ..errors import UserError, fail
from ..model.board import Board

_CHIPS = {"ESP32": 0, "ESP32-S2": 2, "ESP32-C3": 5, "ESP32-S3": 9, "ESP32-C6": 13}
_IMAGE_MAGIC = 0xE9
_TABLE = 0x8000  # of the flash: CONFIG_PARTITION_TABLE_OFFSET, ESP-IDF's default
_TABLE_SIZE = 0xC00
_ENTRY = struct.Struct("<2sBBII16sI")
_ENTRY_MAGIC = b"\xaa\x50"
_MD5_MAGIC = b"\xeb\xeb" + b"\xff" * 14
_DATA = 1
_FAT = 0x81  # the subtype that ports/esp32/main.c gives its own "vfs"
_MIB = 1 << 20


@dataclass(frozen=True)
class Partition:
    """An entry of the partition table; ``offset`` counts from the start of flash."""

    label: str
    type: int
    subtype: int
    offset: int
    size: int
    flags: int = 0

    @property
    def end(self) -> int:
        return self.offset + self.size


def combine(firmware: bytes, filesystem: bytes, board: Board) -> bytes:
    """A ``.bin`` to be flashed where the firmware is: the firmware and the filesystem's image.

    Raises ``UserError`` if the firmware is damaged, for another chip, or too large.
    """
    assert board.firmware
    start = board.firmware.offset
    _check_header(firmware, board)
    room = board.filesystem.offset - start
    if len(firmware) > room:
        raise fail(
            f"the firmware's {len(firmware):,} bytes reach into the filesystem of {board.name}",
            f"correct [filesystem] in boards/{board.name}.toml for this firmware",
        )
    table = _table(_with_vfs(partitions(firmware, start), board))
    at = _TABLE - start
    patched = firmware[:at] + table + firmware[at + _TABLE_SIZE :]
    return patched.ljust(room, b"\xff") + filesystem


def partitions(image: bytes, start: int) -> list[Partition]:
    """The partition table of an image that is flashed at ``start``.

    Raises ``UserError`` if the image has none or its checksum is wrong.
    """
    table = image[_TABLE - start : _TABLE - start + _TABLE_SIZE]
    found: list[Partition] = []
    for at in range(0, len(table), _ENTRY.size):
        raw = table[at : at + _ENTRY.size]
        if raw[:2] == _ENTRY_MAGIC:
            _, kind, subtype, offset, size, label, flags = _ENTRY.unpack(raw)
            name = label.rstrip(b"\0").decode(errors="replace")
            found.append(Partition(name, kind, subtype, offset, size, flags))
        elif found and raw[:16] == _MD5_MAGIC and raw[16:] == md5(table[:at]).digest():
            return found
        else:
            break
    raise _damaged(f"it has no sound partition table at 0x{_TABLE:x}")


def _with_vfs(table: Sequence[Partition], board: Board) -> list[Partition]:
    filesystem = board.filesystem
    size = filesystem.block_size * filesystem.block_count
    ours = Partition("vfs", _DATA, _FAT, filesystem.offset, size)
    others = [partition for partition in table if partition.label not in ("vfs", "ffat")]
    for partition in others:
        if partition.end > ours.offset and partition.offset < ours.end:
            raise fail(
                f'the firmware\'s partition "{partition.label}" (0x{partition.offset:x} to '
                f"0x{partition.end:x}) and the filesystem of {board.name} overlap",
                f"correct [filesystem] in boards/{board.name}.toml for this firmware",
            )
    return [*others, ours]


def _table(entries: Sequence[Partition]) -> bytes:
    raw = b"".join(
        _ENTRY.pack(_ENTRY_MAGIC, p.type, p.subtype, p.offset, p.size, p.label.encode(), p.flags)
        for p in entries
    )
    return (raw + _MD5_MAGIC + md5(raw).digest()).ljust(_TABLE_SIZE, b"\xff")


def _check_header(firmware: bytes, board: Board) -> None:
    """Whether this is an image for the board's chip, with a header that covers the filesystem."""
    if len(firmware) <= _TABLE or firmware[0] != _IMAGE_MAGIC:
        raise _damaged("it does not begin as an ESP32 image does")
    chip = int.from_bytes(firmware[12:14], "little")
    if chip != _CHIPS[board.chip]:
        names = {number: name for name, number in _CHIPS.items()}
        raise fail(
            f"the firmware is for {names.get(chip, f'chip {chip}')}, "
            f"and {board.name} has an {board.chip}",
            f"take the official file of {board.name}",
        )
    size = _MIB << (firmware[3] >> 4)
    end = board.filesystem.offset + board.filesystem.block_size * board.filesystem.block_count
    if end > size:
        # The boot loader refuses a partition that lies beyond the size in its own header.
        raise fail(
            f"the firmware is made for {size // _MIB} MiB of flash, and the filesystem of "
            f"{board.name} ends at {end / _MIB:g} MiB",
            f"make it smaller in boards/{board.name}.toml; chips with more flash run it too",
        )


def _damaged(why: str) -> UserError:
    return fail(f"the firmware's .bin is damaged: {why}", "fetch it again")
