"""A file of ESP32 firmware, as what goes into one slot: which chip, version and bytes it has.

MicroPython publishes a ``.bin`` (boot loader, partition table and program, for USB) and a
``.app-bin`` (the program alone, for updates). Both are taken.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import fail
from ..model.board import Board
from . import esp32
from .wrong_chip import check_esp32

# "MicroPython v1.27.0 on 2025-12-09": MICROPY_BANNER_NAME_AND_VERSION, py/mpconfig.h
_BANNER = re.compile(rb"MicroPython v?((\d+)\.(\d+)\.(\d+)[\w.+-]*) on \d{4}-\d\d-\d\d")
# First version -> the format of .mpy files that it loads: docs/reference/mpyfiles.rst
_MPY = {(1, 19): "6.0", (1, 20): "6.1", (1, 22): "6.2", (1, 23): "6.3"}
_NEWEST = (1, 29)  # whose table that is


@dataclass(frozen=True)
class App:
    """A program for a slot.

    Attributes:
        content: Its bytes.
        chip: The chip's number in ESP-IDF.
        release: MicroPython's version as the banner has it: "1.29.0-preview".
        version: The three numbers of it: "1.29.0".
        mpy: The format of .mpy files that it loads: "6.3".
    """

    content: bytes
    chip: int
    release: str
    version: str
    mpy: str


def read(file: bytes, name: str, board: Board) -> App:
    """Read a firmware file for a board.

    Args:
        file: Its content.
        name: Its name, for errors.
        board: The board's type.

    Raises:
        UserError: It is not firmware, damaged, for another chip, or of an unknown version.
    """
    assert board.firmware
    content = file
    if esp32.has_table(file, board.firmware.offset):
        content = esp32.app(file, board.firmware.offset)
    content = _whole(content, name, board)
    check_esp32(content, name, board)
    found = _BANNER.search(content)
    if found is None:
        raise fail(f"{name} does not state its MicroPython version", "use an official file")
    release = found[1].decode()
    version = (int(found[2]), int(found[3]), int(found[4]))
    return App(content, content[12], release, ".".join(map(str, version)), _mpy(version, name))


def _whole(content: bytes, name: str, board: Board) -> bytes:
    """The image at the start of ``content``, without what follows it. Raises ``UserError``."""
    remedy = f"use the .bin or .app-bin of {board.name} from micropython.org"
    if len(content) < 48 or content[0] != esp32.IMAGE_MAGIC:
        raise fail(f"{name} is not firmware for an ESP32: it does not begin with 0xE9", remedy)
    end = esp32.image_end(content)
    whole = content[: end + 32 * content[esp32.HAS_DIGEST]]
    if not esp32.is_sound(whole, end):
        raise fail(f"{name} is damaged: its checksum is wrong", remedy)
    return whole


def _mpy(version: tuple[int, int, int], name: str) -> str:
    known = [mpy for first, mpy in _MPY.items() if version[:2] >= first]
    if not known or version[:2] > _NEWEST:
        raise fail(
            f"{name} is MicroPython {'.'.join(map(str, version))}, and this torpor knows which "
            f".mpy files 1.19 to {'.'.join(map(str, _NEWEST))} load",
            "flash firmware and image together over USB: torpor flash --firmware FILE",
        )
    return known[-1]
