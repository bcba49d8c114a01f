"""The error for firmware that is for another chip."""

from __future__ import annotations

from ..errors import UserError, fail
from ..model.board import CHIP_IDS, Board


def check_esp32(image: bytes, name: str, board: Board) -> None:
    """Check that an ESP32 image is for the board's chip.

    Args:
        image: Its content, which begins with a header of ESP-IDF.
        name: What messages call it.
        board: The board's type.

    Raises:
        UserError: It is for another chip.
    """
    chip = int.from_bytes(image[12:14], "little")
    if chip != CHIP_IDS[board.chip]:
        names = {number: text for text, number in CHIP_IDS.items()}
        raise wrong_chip(name, names.get(chip, f"chip {chip}"), board)


def wrong_chip(name: str, chip: str, board: Board) -> UserError:
    """Return the error for a firmware file that is for ``chip``."""
    url = f": {board.firmware.url}" if board.firmware else ""
    return fail(
        f"{name} is for {chip}, and {board.name} has an {board.chip}",
        f"use the official file of {board.name}{url}",
    )
