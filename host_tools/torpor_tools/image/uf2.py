"""One ``.uf2`` for an RP2 board: the official firmware with our filesystem behind it.

UF2 is a sequence of 512-byte blocks, each with an address and 256 bytes for the flash. The chip's
boot loader erases a sector of 4096 bytes at the first block for it. On the RP2040 a
sector of which only some blocks come is safe at the file's end alone (erratum RP2040-E14), so the
firmware's last sector, which is now in the middle, is filled up.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import UserError, fail
from ..model.board import Board
from .wrong_chip import wrong_chip

FAMILIES = {"RP2040": 0xE48BFF56, "RP2350": 0xE48BFF59}
ABSOLUTE = 0xE48BFF57  # RP2350: a block for the boot loader itself (erratum RP2350-E10)
FLASH_START = 0x10000000

_SIZE = 512
_PAYLOAD = 256
_SECTOR = 4096
_HEAD = struct.Struct("<8I")
_TAIL = struct.Struct("<I")
_MAGIC = (0x0A324655, 0x9E5D5157)
_MAGIC_END = 0x0AB16F30
_HAS_FAMILY = 0x2000
_NOT_FLASH = 0x0001


@dataclass(frozen=True)
class Block:
    """256 bytes of the flash; ``address`` counts from the chip's address space."""

    address: int
    data: bytes
    family: int
    raw: bytes = b""  # the block as it was read


def combine(firmware: bytes, filesystem: bytes, board: Board) -> bytes:
    """A ``.uf2`` with ``firmware`` (a ``.uf2``) and the image of the filesystem at its place.

    Raises ``UserError`` if the firmware is damaged, for another chip, or too large.
    """
    family = FAMILIES[board.chip]
    blocks = read(firmware, board)
    code = [block for block in blocks if block.family == family]
    start = FLASH_START + board.filesystem.offset
    end = max(block.address for block in code) + _PAYLOAD
    if end > start:
        raise fail(
            f"the firmware ends at 0x{end - FLASH_START:x}, beyond the start of the filesystem "
            f"of {board.name} at 0x{board.filesystem.offset:x}",
            f"correct [filesystem] in boards/{board.name}.toml for this firmware",
        )
    # The boot loader's own block stays first and as it is: what it overwrites is written again.
    first = b"".join(block.raw for block in blocks if block.family == ABSOLUTE)
    return first + _numbered(_whole_sectors(code) + _blocks(start, filesystem, family))


def read(uf2: bytes, board: Board) -> list[Block]:
    """The blocks of a ``.uf2`` for ``board``. Raises ``UserError`` if it is damaged or not for it.

    Every block must be whole, numbered without a gap, and belong to the board's flash.
    """
    if not uf2 or len(uf2) % _SIZE:
        raise _damaged(f"its length of {len(uf2):,} bytes is not a multiple of {_SIZE}")
    blocks: list[Block] = []
    seen: dict[int, int] = {}  # family -> blocks so far
    totals: dict[int, int] = {}  # family -> blocks that the newest block says there are
    for index in range(len(uf2) // _SIZE):
        raw = uf2[index * _SIZE : (index + 1) * _SIZE]
        block, number, total = _block(raw, index)
        _check_place(block, index, board)
        if number != seen.get(block.family, 0):
            raise _damaged(f"block {index} has the number {number}")
        seen[block.family] = number + 1
        totals[block.family] = total
        blocks.append(block)
    family = FAMILIES[board.chip]
    if family not in seen or seen[family] != totals[family]:
        raise _damaged(f"it has {seen.get(family, 0)} of {totals.get(family, 0)} blocks")
    return blocks


def _block(raw: bytes, index: int) -> tuple[Block, int, int]:
    first, second, flags, address, size, number, total, family = _HEAD.unpack_from(raw)
    if (first, second) != _MAGIC or _TAIL.unpack_from(raw, _SIZE - 4)[0] != _MAGIC_END:
        raise _damaged(f"block {index} does not begin and end as a block of a .uf2 does")
    if size != _PAYLOAD or not flags & _HAS_FAMILY or flags & _NOT_FLASH:
        raise _damaged(f"block {index} is not {_PAYLOAD} bytes for the flash of a known chip")
    return Block(address, raw[_HEAD.size : _HEAD.size + size], family, raw), number, total


def _check_place(block: Block, index: int, board: Board) -> None:
    if block.family == ABSOLUTE and board.chip == "RP2350":
        return
    if block.family != FAMILIES[board.chip]:
        names = {number: name for name, number in FAMILIES.items()}
        other = names.get(block.family, f"the family 0x{block.family:08x}")
        raise wrong_chip("the firmware", other, board)
    at = block.address - FLASH_START
    if at % _PAYLOAD or not 0 <= at < board.flash_bytes:
        raise _damaged(f"block {index} is for address 0x{block.address:08x}")


def _whole_sectors(blocks: Sequence[Block]) -> list[Block]:
    """The same blocks by address, with blank ones where a sector has others."""
    at = {block.address: block for block in blocks}
    for block in blocks:
        sector = block.address - block.address % _SECTOR
        for address in range(sector, sector + _SECTOR, _PAYLOAD):
            if address not in at:
                at[address] = Block(address, b"\xff" * _PAYLOAD, block.family)
    return [at[address] for address in sorted(at)]


def _blocks(address: int, data: bytes, family: int) -> list[Block]:
    return [
        Block(address + at, data[at : at + _PAYLOAD].ljust(_PAYLOAD, b"\xff"), family)
        for at in range(0, len(data), _PAYLOAD)
    ]


def _numbered(blocks: Sequence[Block]) -> bytes:
    total = len(blocks)
    return b"".join(
        _HEAD.pack(*_MAGIC, _HAS_FAMILY, block.address, _PAYLOAD, number, total, block.family)
        + block.data.ljust(_SIZE - _HEAD.size - _TAIL.size, b"\0")
        + _TAIL.pack(_MAGIC_END)
        for number, block in enumerate(blocks)
    )


def _damaged(why: str) -> UserError:
    return fail(f"the .uf2 is damaged: {why}", "fetch it again")
