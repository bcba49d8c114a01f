"""The .uf2 to flash: firmware and filesystem, every block checked."""

from __future__ import annotations

import dataclasses
import random
import struct

import pytest

from tests.helpers.bootsel import flash_content
from torpor_tools.errors import UserError
from torpor_tools.image import uf2
from torpor_tools.image.flashable import flashable
from torpor_tools.project import load_board

PICO_W = load_board("RPI_PICO_W")
PICO2_W = load_board("RPI_PICO2_W")
RP2040, RP2350 = uf2.FAMILIES["RP2040"], uf2.FAMILIES["RP2350"]
_RANDOM = random.Random(5)


def block(
    number: int,
    total: int,
    *,
    family: int = RP2040,
    address: int | None = None,
    flags: int = 0x2000,
    size: int = 256,
    data: bytes | None = None,
) -> bytes:
    where = uf2.FLASH_START + 256 * number if address is None else address
    head = struct.pack("<8I", 0x0A324655, 0x9E5D5157, flags, where, size, number, total, family)
    content = _RANDOM.randbytes(256) if data is None else data
    return (head + content).ljust(508, b"\0") + struct.pack("<I", 0x0AB16F30)


def firmware(blocks: int = 20, family: int = RP2040) -> bytes:
    return b"".join(block(number, blocks, family=family) for number in range(blocks))


def filesystem(size: int = 212 * 4096) -> bytes:
    return _RANDOM.randbytes(size - 5000) + b"\xff" * 5000


def test_the_flash_has_the_firmware_and_the_filesystem_at_their_offsets() -> None:
    original, ours = firmware(20), filesystem()
    blocks = uf2.read(uf2.combine(original, ours, PICO_W), PICO_W)
    code = flash_content(uf2.read(original, PICO_W), 0, 0x12C000)
    assert flash_content(blocks, 0, 0x12C000) == code
    assert flash_content(blocks, 0x12C000, len(ours)) == ours


def test_only_whole_sectors_are_written() -> None:
    blocks = uf2.read(uf2.combine(firmware(19), filesystem(), PICO_W), PICO_W)
    sectors: dict[int, int] = {}
    for each in blocks:
        sectors[each.address // 4096] = sectors.get(each.address // 4096, 0) + 1
    assert set(sectors.values()) == {16}
    assert len(sectors) == 2 + 212
    assert [b.address for b in blocks] == sorted(b.address for b in blocks)


def test_the_same_input_gives_the_same_bytes() -> None:
    original, ours = firmware(), filesystem()
    assert flashable(PICO_W, original, ours) == uf2.combine(original, ours, PICO_W)


def test_the_boot_block_of_an_rp2350_stays_first_and_unchanged() -> None:
    own = block(0, 2, family=uf2.ABSOLUTE, address=0x10FFFF00, flags=0xA000, data=b"\xef" * 256)
    own = own[:288] + b"\x08\x04\xe3\x57\x99" + own[293:]  # an extension tag after the data
    original = own + firmware(20, RP2350)
    combined = uf2.combine(original, filesystem(640 * 4096), PICO2_W)
    assert combined[:512] == own
    assert {b.family for b in uf2.read(combined, PICO2_W)[1:]} == {RP2350}


def test_a_filesystem_of_another_size_is_an_internal_error() -> None:
    with pytest.raises(ValueError, match="868352 bytes, not 4096"):
        flashable(PICO_W, firmware(), bytes(4096))


def changed(at: int, value: bytes) -> bytes:
    original = firmware(4)
    return original[:at] + value + original[at + len(value) :]


@pytest.mark.parametrize(
    ("damaged", "what"),
    [
        (b"", "length of 0 bytes"),
        (firmware(4)[:-1], "length of 2,047 bytes"),
        (firmware(4)[:-512], "it has 3 of 4 blocks"),
        (changed(512, b"XXXX"), "block 1 does not begin"),
        (changed(1020, b"XXXX"), "block 1 does not begin and end"),
        (changed(512 + 8, struct.pack("<I", 0x2001)), "block 1 is not 256 bytes for the flash"),
        (changed(512 + 16, struct.pack("<I", 476)), "block 1 is not 256 bytes"),
        (changed(512 + 20, struct.pack("<I", 2)), "block 1 has the number 2"),
        (changed(512 + 12, struct.pack("<I", 0x20000000)), "block 1 is for address 0x20000000"),
        (changed(512 + 12, struct.pack("<I", 0x10000180)), "block 1 is for address 0x10000180"),
        (changed(512 + 12, struct.pack("<I", 0x10200000)), "block 1 is for address 0x10200000"),
        (firmware(4, RP2350), "the firmware is for RP2350, and RPI_PICO_W has an RP2040"),
        (firmware(4, 0x1C5F21B0), "the firmware is for the family 0x1c5f21b0"),
    ],
)
def test_a_damaged_file_or_one_for_another_chip_is_refused(damaged: bytes, what: str) -> None:
    with pytest.raises(UserError) as caught:
        uf2.combine(damaged, filesystem(), PICO_W)
    [problem] = caught.value.problems
    assert what in problem.what
    assert problem.remedy


def test_firmware_that_reaches_into_the_filesystem_is_refused() -> None:
    early = dataclasses.replace(PICO_W.filesystem, offset=0x1000)
    with pytest.raises(UserError, match="ends at 0x1400, beyond the start"):
        uf2.combine(firmware(20), filesystem(), dataclasses.replace(PICO_W, filesystem=early))
