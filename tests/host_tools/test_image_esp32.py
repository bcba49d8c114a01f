"""The .bin to flash: firmware and filesystem, and a partition table that names both."""

from __future__ import annotations

import dataclasses
import hashlib
import random
import struct

import pytest

from tests.helpers import board_types
from torpor_tools.board.flash import catalogue
from torpor_tools.errors import UserError
from torpor_tools.image import app, esp32
from torpor_tools.image.flashable import flashable
from torpor_tools.model.board import Board, Partition
from torpor_tools.project import load_board
from torpor_tools.project.partitions import flash_sizes, laid_out, two_slots

# esp_chip_id_t: components/bootloader_support/include/esp_app_format.h of ESP-IDF
CHIPS = {"ESP32": 0, "ESP32-S2": 2, "ESP32-C3": 5, "ESP32-S3": 9, "ESP32-C6": 13}
OFFICIAL = [
    Partition("nvs", 1, 2, 0x9000, 0x6000),
    Partition("phy_init", 1, 1, 0xF000, 0x1000),
    Partition("factory", 0, 0, 0x10000, 0x1F0000),
]
_RANDOM = random.Random(3)
FILESYSTEM = _RANDOM.randbytes(144 * 4096)
SINGLE = _RANDOM.randbytes(512 * 4096)
PROGRAM = b"\xe9" + _RANDOM.randbytes(50_000)


def one_slot(name: str) -> Board:
    return laid_out(load_board(name), None, 1)


def files_of(board: Board) -> bytes:
    return SINGLE if board.firmware_slots == 1 else FILESYSTEM


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
    """Return a file like the official one: boot loader, table and app, with 0xff in between."""
    assert board.firmware
    start = board.firmware.offset
    number = CHIPS[board.chip] if chip < 0 else chip
    head = bytes([0xE9, 1, 2, size_code << 4]) + bytes(8) + struct.pack("<H", number)
    segment = _RANDOM.randbytes(9000)
    boot = head + bytes(9) + b"\x01" + struct.pack("<II", 0x3FFF0030, len(segment)) + segment
    boot += bytes(16 - len(boot) % 16)  # the last byte stands for the checksum
    boot += hashlib.sha256(boot).digest()
    with_table = boot.ljust(0x8000 - start, b"\xff") + table(entries)
    return with_table.ljust(0x10000 - start, b"\xff") + PROGRAM


@pytest.mark.parametrize("slots", [1, 2])
@pytest.mark.parametrize("name", board_types.ESP32)
def test_everything_is_at_its_offset(name: str, slots: int) -> None:
    board = laid_out(load_board(name), None, slots)
    assert board.firmware
    start = board.firmware.offset
    original = firmware(board)
    image = flashable(board, original, files_of(board))
    assert start + len(image) == board.flash_bytes
    assert image[board.filesystem.offset - start :] == files_of(board)
    at = 0x8000 - start
    assert image[:at] == original[:at]
    assert image[at + 0xC00 : len(original)] == original[at + 0xC00 :]
    assert set(image[len(original) : board.filesystem.offset - start]) == {0xFF}


@pytest.mark.parametrize("name", board_types.ESP32)
def test_the_partition_table_names_the_filesystem(name: str) -> None:
    board = one_slot(name)
    assert board.firmware
    image = esp32.combine(firmware(board), SINGLE, board)
    vfs = Partition("vfs", 1, 0x81, 0x200000, 0x200000)
    assert esp32.partitions(image, board.firmware.offset) == [*OFFICIAL, vfs]


# ESP-IDF asks for slots at multiples of 64 KiB, and for two sectors of otadata.
@pytest.mark.parametrize("size", flash_sizes())
def test_a_table_with_two_slots(size: int) -> None:
    board = laid_out(load_board("ESP32_GENERIC"), size, 2)
    packed = bytes(board.filesystem.block_count * 4096)
    image = esp32.combine(firmware(board), packed, board)
    found = esp32.partitions(image, 0x1000)
    assert [p.label for p in found] == ["nvs", "otadata", "phy_init", "ota_0", "ota_1", "vfs"]
    kinds = [(p.type, p.subtype) for p in found]
    assert kinds == [(1, 2), (1, 0), (1, 1), (0, 0x10), (0, 0x11), (1, 0x81)]
    assert [a.end for a in found[:-1]] == [b.offset for b in found[1:]]
    assert found[-1].end == board.flash_bytes == size << 20
    assert found[1].size == 0x2000
    slots = [p for p in found if p.is_slot]
    assert all(p.offset % 0x10000 == 0 for p in slots)
    assert slots[0].size == slots[1].size == board.slot_bytes
    assert image[slots[0].offset - 0x1000 :].startswith(PROGRAM)
    otadata = image[found[1].offset - 0x1000 : found[1].end - 0x1000]
    assert set(otadata) == {0xFF}  # the boot loader then starts ota_0


def test_the_slots_of_4_mib_have_the_specified_offsets() -> None:
    named = {p.label: (p.offset, p.size) for p in two_slots(4 << 20)}
    assert named["ota_0"] == (0x10000, 0x1B0000)
    assert named["ota_1"] == (0x1C0000, 0x1B0000)
    assert named["vfs"] == (0x370000, 0x90000)


@pytest.mark.parametrize("name", board_types.PINNED_ESP32)
def test_the_official_firmware_fits_its_slot(name: str) -> None:
    board = load_board(name)
    assert board.firmware
    official = catalogue.firmware(board).read_bytes()
    combined = esp32.combine(official, files_of(board), board)
    program = esp32.app(official, board.firmware.offset)
    assert combined[0x10000 - board.firmware.offset :].startswith(program)
    found = app.read(official, "official.bin", board)
    assert found == app.read(program, "official.app-bin", board)
    assert (found.content, found.chip) == (program, CHIPS[board.chip])
    assert (found.release, found.version, found.mpy) == ("1.27.0", "1.27.0", "6.3")
    if board.firmware_slots == 1:
        with pytest.raises(UserError, match="1,866,464 bytes, and each of the two firmware slots"):
            esp32.combine(official, FILESYSTEM, laid_out(board, None, 2))
    large = laid_out(board, 8, None)
    assert large.firmware_slots == 2
    head = esp32.combine(official, bytes(large.filesystem.block_count * 4096), large)
    assert head[3] >> 4 == 3  # the boot loader's header: 8 MiB, and a digest that covers it
    end = esp32.image_end(head)
    assert hashlib.sha256(head[:end]).digest() == head[end : end + 32]
    end = esp32.image_end(official)
    assert hashlib.sha256(official[:end]).digest() == official[end : end + 32]


def test_a_filesystem_in_the_table_is_replaced_by_ours() -> None:
    board = one_slot("ESP32_GENERIC_C3")
    small = Partition("vfs", 1, 0x81, 0x200000, 0x100000)
    image = esp32.combine(firmware(board, [*OFFICIAL, small]), SINGLE, board)
    assert [p.size for p in esp32.partitions(image, 0) if p.label == "vfs"] == [0x200000]


def refused(firmware_file: bytes, board: Board) -> str:
    with pytest.raises(UserError) as caught:
        esp32.combine(firmware_file, files_of(board), board)
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
    board = one_slot("ESP32_GENERIC")
    large = [*OFFICIAL[:2], dataclasses.replace(OFFICIAL[2], size=0x200000)]
    assert 'partition "factory" (0x10000 to 0x210000)' in refused(firmware(board, large), board)
    long = firmware(board).ljust(0x200001, b"x")
    assert "reach into the filesystem" in refused(long, board)


def test_firmware_that_does_not_fit_a_slot_is_refused() -> None:
    board = load_board("ESP32_GENERIC")
    long = firmware(board).ljust(0x10000 - 0x1000 + 0x1B0001, b"x")
    assert "has 1,769,473 bytes, and each of the two firmware slots" in refused(long, board)
    with pytest.raises(UserError, match="firmware_slots = 1"):
        esp32.combine(long, FILESYSTEM, board)
    assert esp32.combine(long, SINGLE, one_slot("ESP32_GENERIC"))


def test_the_header_of_the_boot_loader_gets_the_real_flash_size() -> None:
    board = load_board("ESP32_GENERIC")
    small = firmware(board, size_code=1)
    image = esp32.combine(small, FILESYSTEM, board)
    end = esp32.image_end(small)
    assert (image[3], small[3]) == (2 << 4, 1 << 4)
    assert image[end : end + 32] == hashlib.sha256(image[:end]).digest()
    assert image[4:end] == small[4:end]


def test_a_program_at_another_offset_is_moved_into_the_slot() -> None:
    board = load_board("ESP32_GENERIC")
    factory = dataclasses.replace(OFFICIAL[2], offset=0x20000, size=0x100000)
    head = firmware(board, [*OFFICIAL[:2], factory])[: 0x10000 - 0x1000]
    moved = head.ljust(0x20000 - 0x1000, b"\xff") + PROGRAM
    image = esp32.combine(moved, FILESYSTEM, board)
    assert image[0x10000 - 0x1000 :].startswith(PROGRAM + b"\xff")
    empty = firmware(board, OFFICIAL[:2])
    assert "names no program" in refused(empty, board)
