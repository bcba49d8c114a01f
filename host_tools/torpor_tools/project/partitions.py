"""The partition tables of ``boards/partitions/``: where firmware and filesystem are in flash."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from functools import cache
from typing import Any

from ..errors import fail
from ..model.board import Board, Partition
from ..paths import boards_dir
from ..suggest import listing

MIB = 1 << 20
LABEL = "vfs"  # of the filesystem


@cache
def _tables() -> dict[str, Any]:
    path = boards_dir() / "partitions" / "esp32.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


def flash_sizes() -> list[int]:
    """The sizes of flash in MiB for which there are tables."""
    return sorted(int(size) for size in _tables()["two_slots"])


def two_slots(flash_bytes: int) -> tuple[Partition, ...]:
    """The table with two firmware slots. Raises ``UserError`` for an unknown size of flash."""
    table = _tables()["two_slots"].get(str(flash_bytes // MIB))
    if table is None or flash_bytes % MIB:
        known = listing([f"{size} MiB" for size in flash_sizes()])
        raise fail(
            f"there is no partition table with two firmware slots for {flash_bytes:,} bytes",
            f"known: {known} (boards/partitions/esp32.toml)",
        )
    return tuple(Partition(*entry) for entry in table)


def laid_out(board: Board, flash_mib: int | None, slots: int | None) -> Board:
    """A board type with another size of flash, or another number of firmware slots.

    Args:
        board: The board type.
        flash_mib: The size of its flash in MiB; None: as the board type says.
        slots: 1 or 2; None: as the board type says. Larger flash has room for two.

    Raises:
        UserError: There is no such table.
    """
    size = flash_mib * MIB if flash_mib else board.flash_bytes
    slots = slots or (2 if size > board.flash_bytes else board.firmware_slots)
    if slots == 1:
        start = int(_tables()["single"]["filesystem"])
        end = size
        partitions: tuple[Partition, ...] = ()
    else:
        partitions = two_slots(size)
        [files] = [partition for partition in partitions if partition.label == LABEL]
        start, end = files.offset, files.end
    block = board.filesystem.block_size
    filesystem = replace(board.filesystem, offset=start, block_count=(end - start) // block)
    return replace(
        board,
        flash_bytes=size,
        firmware_slots=slots,
        filesystem=filesystem,
        partitions=partitions,
    )


def larger_filesystem(board: Board) -> str:
    """How a board with two firmware slots gets a larger filesystem, to end a remedy with."""
    if not board.partitions:
        return ""
    return (
        ";\nor, in the board's table of cluster.toml, write `flash_mb = 8` if it has so much "
        "flash, or `firmware_slots = 1`\nfor firmware that is replaced only over USB: "
        "docs/partitions.md"
    )


def is_known(offset: int, size: int) -> bool:
    """Whether a filesystem there is one that torpor or the official firmware makes."""
    if offset == _tables()["single"]["filesystem"]:
        return True
    tables = [two_slots(mib * MIB) for mib in flash_sizes()]
    return any((p.offset, p.size) == (offset, size) for t in tables for p in t if p.label == LABEL)
