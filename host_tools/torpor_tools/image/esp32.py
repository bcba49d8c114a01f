"""One ``.bin`` for an ESP32 board: the official firmware with our filesystem behind it.

The official partition table names no filesystem: the firmware makes a partition ``vfs`` of all that
is left of the *physical* flash and refuses a filesystem of another size. So that one image runs on
chips with more flash too, the table names a ``vfs`` of exactly our size. A board with two firmware
slots gets the table of ``boards/partitions``, with the firmware in the first slot.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from hashlib import md5, sha256

from ..errors import UserError, fail
from ..model.board import Board, Partition
from .wrong_chip import check_esp32

IMAGE_MAGIC = 0xE9
_HEADER = 24  # bytes: esp_image_header_t of ESP-IDF's esp_app_format.h
HAS_DIGEST = 23  # the byte of it that says whether a SHA-256 follows the image
_TABLE = 0x8000  # of the flash: CONFIG_PARTITION_TABLE_OFFSET, ESP-IDF's default
_TABLE_SIZE = 0xC00
_ENTRY = struct.Struct("<2sBBII16sI")
_ENTRY_MAGIC = b"\xaa\x50"
_MD5_MAGIC = b"\xeb\xeb" + b"\xff" * 14
_APP = 0
_DATA = 1
_FAT = 0x81  # the subtype that ports/esp32/main.c gives its own "vfs"
_MIB = 1 << 20


def combine(firmware: bytes, filesystem: bytes, board: Board) -> bytes:
    """A ``.bin`` to be flashed where the firmware is: the firmware and the filesystem's image.

    Raises ``UserError`` if the firmware is damaged, for another chip, or too large.
    """
    assert board.firmware
    start = board.firmware.offset
    _check_header(firmware, board)
    if board.partitions:
        firmware = _in_slots(firmware, board)
    room = board.filesystem.offset - start
    if len(firmware) > room:
        raise fail(
            f"the firmware's {len(firmware):,} bytes reach into the filesystem of {board.name}",
            f"correct [filesystem] in boards/{board.name}.toml for this firmware",
        )
    table = _table(board.partitions or _with_vfs(partitions(firmware, start), board))
    at = _TABLE - start
    patched = firmware[:at] + table + firmware[at + _TABLE_SIZE :]
    return _for_flash(patched, board).ljust(room, b"\xff") + filesystem


def app(firmware: bytes, start: int) -> bytes:
    """The program in an official ``.bin``, without boot loader and table.

    Args:
        firmware: A file that is flashed at ``start``.
        start: In bytes from the start of flash.

    Raises:
        UserError: The file is damaged.
    """
    for partition in partitions(firmware, start):
        if partition.type == _APP:
            found = firmware[partition.offset - start :]
            if found[:1] == bytes([IMAGE_MAGIC]):
                return found[: min(len(found), partition.size)]
    raise _damaged("its partition table names no program that is there")


def _in_slots(firmware: bytes, board: Board) -> bytes:
    """The firmware with its program in the first of the board's slots, and nothing between."""
    assert board.firmware
    start = board.firmware.offset
    program = app(firmware, start)
    if len(program) > board.slot_bytes:
        raise fail(
            f"the firmware has {len(program):,} bytes, and each of the two firmware slots of "
            f"{board.name} has {board.slot_bytes:,}",
            "write `firmware_slots = 1` into the table of the board in cluster.toml: its firmware "
            "then changes\nover USB only. Or, if the board has more flash, for example "
            "`flash_mb = 8`",
        )
    slot = next(partition for partition in board.partitions if partition.is_slot)
    head = firmware[: _TABLE + _TABLE_SIZE - start]
    return head.ljust(slot.offset - start, b"\xff") + program


def _for_flash(firmware: bytes, board: Board) -> bytes:
    """The firmware with a boot loader that knows of all flash that the partitions reach.

    It refuses a partition beyond the size in its own header. A digest at its end covers that.
    """
    if board.flash_bytes <= _MIB << (firmware[3] >> 4):
        return firmware
    code = (board.flash_bytes // _MIB).bit_length() - 1
    head = firmware[:3] + bytes([code << 4 | firmware[3] & 0xF])
    if not firmware[HAS_DIGEST]:
        return head + firmware[4:]
    end = image_end(firmware)
    changed = head + firmware[4:end]
    return changed + sha256(changed).digest() + firmware[end + 32 :]


def image_end(image: bytes) -> int:
    """The end of an image, after its checksum and before its digest. Raises ``UserError``."""
    at = _HEADER
    for _ in range(image[1]):
        at += 8 + int.from_bytes(image[at + 4 : at + 8], "little")
        if at >= len(image):
            raise _damaged("it ends within a segment")
    return at // 16 * 16 + 16


def has_table(firmware: bytes, start: int) -> bool:
    """Whether a file that is flashed at ``start`` has a partition table, as a program has not."""
    return firmware[_TABLE - start :][:2] == _ENTRY_MAGIC


def is_sound(image: bytes, end: int) -> bool:
    """Whether the checksum of an image is right, and its digest if it has one.

    Args:
        image: The image.
        end: Where it ends, by ``image_end``.
    """
    at = _HEADER
    checksum = 0xEF
    for _ in range(image[1]):
        size = int.from_bytes(image[at + 4 : at + 8], "little")
        for byte in image[at + 8 : at + 8 + size]:
            checksum ^= byte
        at += 8 + size
    digest = sha256(image[:end]).digest() if image[HAS_DIGEST] else b""
    return image[end - 1] == checksum and image[end:] == digest


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
    """Check that this is an image for the board's chip. Raises ``UserError``."""
    if len(firmware) <= _TABLE or firmware[0] != IMAGE_MAGIC:
        raise _damaged("it does not begin as an ESP32 image does")
    check_esp32(firmware, "the firmware", board)


def _damaged(why: str) -> UserError:
    return fail(f"the firmware's .bin is damaged: {why}", "fetch it again")
