"""The .bin to flash: firmware and filesystem, and a partition table that names both."""

from __future__ import annotations

import dataclasses
import hashlib
import random
import struct

import pytest

from tests.helpers import board_types
from torpor_tools.errors import UserError
from torpor_tools.image import esp32
from torpor_tools.image.esp32 import Partition
from torpor_tools.image.flashable import flashable
from torpor_tools.model.board import Board
from torpor_tools.project import load_board

# esp_chip_id_t: components/bootloader_support/include/esp_app_format.h of ESP-IDF
CHIPS = {"ESP32": 0, "ESP32-S2": 2, "ESP32-C3": 5, "ESP32-S3": 9, "ESP32-C6": 13}
OFFICIAL = [
    Partition("nvs", 1, 2, 0x9000, 0x6000),
    Partition("phy_init", 1, 1, 0xF000, 0x1000),
    Partition("factory", 0, 0, 0x10000, 0x1F0000),
]
_RANDOM = random.Random(3)
FILESYSTEM = _RANDOM.randbytes(512 * 4096)


def table(entries: list[Partition]) -> bytes:
    raw = b"".join(
        struct.pack(
            "<2sBBII16sI", b"\xaa\x50", p.type, p.subtype, p.offset, p.size, p.label.encode(), 0
        )
        for p in entries
    )
    checksum = b"\xeb\xeb" + b"\xff" * 14 + hashlib.md5(raw).digest()
    return (raw + checksum).ljust(0xC00, b"\xff")


def firmware(
    board: Board, entries: list[Partition] = OFFICIAL, *, size_code: int = 2, chip: int = -1
) -> bytes:
    """A file like the official one: boot loader, table and app at their places, 0xff between."""
    assert board.firmware
    start = board.firmware.offset
    number = CHIPS[board.chip] if chip < 0 else chip
    head = bytes([0xE9, 3, 2, size_code << 4]) + bytes(8) + struct.pack("<H", number)
    boot = head + _RANDOM.randbytes(9000)
    with_table = boot.ljust(0x8000 - start, b"\xff") + table(entries)
    return with_table.ljust(0x10000 - start, b"\xff") + _RANDOM.randbytes(50_001)


@pytest.mark.parametrize("name", board_types.ESP32)
def test_everything_lies_at_its_place(name: str) -> None:
    board = load_board(name)
    assert board.firmware
    start = board.firmware.offset
    original = firmware(board)
    image = flashable(board, original, FILESYSTEM)
    assert start + len(image) == board.flash_bytes
    assert image[board.filesystem.offset - start :] == FILESYSTEM
    at = 0x8000 - start
    assert image[:at] == original[:at]
    assert image[at + 0xC00 : len(original)] == original[at + 0xC00 :]
    assert set(image[len(original) : board.filesystem.offset - start]) == {0xFF}


@pytest.mark.parametrize("name", board_types.ESP32)
def test_the_partition_table_names_the_filesystem(name: str) -> None:
    board = load_board(name)
    assert board.firmware
    image = esp32.combine(firmware(board), FILESYSTEM, board)
    vfs = Partition("vfs", 1, 0x81, 0x200000, 0x200000)
    assert esp32.partitions(image, board.firmware.offset) == [*OFFICIAL, vfs]


def test_a_table_that_has_a_filesystem_gets_ours_instead() -> None:
    board = load_board("ESP32_GENERIC_C3")
    small = Partition("vfs", 1, 0x81, 0x200000, 0x100000)
    image = esp32.combine(firmware(board, [*OFFICIAL, small]), FILESYSTEM, board)
    assert [p.size for p in esp32.partitions(image, 0) if p.label == "vfs"] == [0x200000]


def refused(firmware_file: bytes, board: Board) -> str:
    with pytest.raises(UserError) as caught:
        esp32.combine(firmware_file, FILESYSTEM, board)
    [problem] = caught.value.problems
    assert problem.remedy
    return problem.what


def test_the_firmware_of_another_chip_is_refused() -> None:
    c3 = load_board("ESP32_GENERIC_C3")
    assert "is for ESP32-S3, and ESP32_GENERIC_C3 has an ESP32-C3" in refused(
        firmware(c3, chip=9), c3
    )


def test_damaged_firmware_is_refused() -> None:
    board = load_board("ESP32_GENERIC")
    original = firmware(board)
    assert "does not begin as" in refused(b"\0" + original[1:], board)
    assert "does not begin as" in refused(original[:1000], board)
    at = 0x8000 - 0x1000 + 5  # in the first entry: the checksum is then wrong
    assert "no sound partition table" in refused(original[:at] + b"\0" + original[at + 1 :], board)
    assert "no sound partition table" in refused(original[: 0x8001 - 0x1000].ljust(40000), board)


def test_firmware_that_overlaps_the_filesystem_is_refused() -> None:
    board = load_board("ESP32_GENERIC")
    large = [*OFFICIAL[:2], dataclasses.replace(OFFICIAL[2], size=0x200000)]
    assert 'partition "factory" (0x10000 to 0x210000)' in refused(firmware(board, large), board)
    long = firmware(board).ljust(0x200001, b"x")
    assert "reach into the filesystem" in refused(long, board)


def test_a_filesystem_beyond_the_flash_of_the_header_is_refused() -> None:
    board = load_board("ESP32_GENERIC")
    assert "made for 2 MiB of flash" in refused(firmware(board, size_code=1), board)
