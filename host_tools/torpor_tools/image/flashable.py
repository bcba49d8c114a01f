"""The one file to flash: official firmware and our filesystem, in the chip's format."""

from __future__ import annotations

from ..errors import fail
from ..model.board import Board
from . import esp32, uf2

SUFFIXES = {"rp2": ".uf2", "esp32": ".bin"}


def flashable(board: Board, firmware: bytes, filesystem: bytes) -> bytes:
    """The content of the file (its suffix: ``SUFFIXES[board.port]``).

    ``firmware`` is the official file, ``filesystem`` the LittleFS2 image of exactly the size that
    the board's file says. Raises ``UserError`` if the firmware does not fit the board.
    """
    size = board.filesystem.block_size * board.filesystem.block_count
    if len(filesystem) != size:
        raise ValueError(f"{board.name} has a filesystem of {size} bytes, not {len(filesystem)}")
    if board.port == "rp2":
        return uf2.combine(firmware, filesystem, board)
    if board.port == "esp32":
        return esp32.combine(firmware, filesystem, board)
    raise fail(f"{board.name} is not flashed: its port is {board.port}")
