"""The firmware slots of a simulated ESP32: a file, and the boot loader before each start."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torpor_tools.model.board import CHIP_IDS, Board, Partition
from torpor_tools.paths import shims_dir

TABLE = "partitions.json"
FLASH = "slots.bin"
_LAUNCH = Path(__file__).with_name("_launch.py")
_LAST = "booted.json"  # what the boot loader did last
_CHANGING = (0, 1)  # NEW and PENDING_VERIFY: the next start changes them
_SINGLE = "factory"  # the label of the only slot in the table of official firmware


def make(run: Path, board: Board) -> None:
    """Make the table and the flash of a new board. An existing one is kept as it is."""
    table = run / TABLE
    if board.port != "esp32" or table.exists():
        return
    entries = [(p.label, p.type, p.subtype, p.offset, p.size) for p in board.partitions]
    table.write_text(json.dumps(entries), encoding="utf-8", newline="\n")
    with (run / FLASH).open("wb") as file:
        for partition in board.partitions:
            if partition.label == "otadata" or partition.is_slot:
                file.seek(partition.offset)
                file.write(b"\xff" * min(partition.size, 8192))
        file.seek(first(board.partitions))
        file.write(_smallest(board.chip))


def first(partitions: Sequence[Partition]) -> int:
    """Return the offset of the firmware that is flashed over USB."""
    return next((p.offset for p in partitions if p.is_slot), 0x10000)


def _smallest(chip: str) -> bytes:
    """Return the smallest image that the boot loader accepts, in place of MicroPython itself."""
    head = bytes([0xE9, 1]) + bytes(10) + struct.pack("<H", CHIP_IDS[chip]) + bytes(10)
    image = head + struct.pack("<II", 0x3F400020, 0)
    return image + bytes(15 - len(image) % 16) + b"\xef"


def boot(run: Path, cause: str) -> dict[str, Any]:
    """Run the boot loader.

    Args:
        run: The run folder of the board.
        cause: Its reset cause.

    Returns:
        ``slot``, the label of the slot that starts. For a board with two slots also ``states``,
        number and state in each sector of otadata; ``release`` if the slot names its version; and
        ``fault``, "crash" or "hang", for bad firmware.
    """
    table, flash, last = run / TABLE, run / FLASH, run / _LAST
    if not table.exists():
        return {}
    if last.exists() and last.stat().st_mtime_ns > flash.stat().st_mtime_ns:
        before: dict[str, Any] = json.loads(last.read_text(encoding="utf-8"))
        if all(state not in _CHANGING for _, state in before.get("states", ())):
            return before  # nothing was written since, and there is no trial to begin or end
    if not json.loads(table.read_text(encoding="utf-8")):
        return {"slot": _SINGLE}
    script = shims_dir() / "_bootloader.py"
    words = [sys.executable, "-P", str(_LAUNCH), str(os.getpid()), "-X", "heapsize=8M"]
    done = subprocess.run(
        [*words, str(script), str(run), cause], capture_output=True, encoding="utf-8", check=False
    )
    if done.returncode:
        raise RuntimeError(f"the boot loader failed: {done.stderr or done.stdout}")
    found: dict[str, Any] = json.loads(done.stdout)
    last.write_text(done.stdout, encoding="utf-8", newline="\n")
    return found
