"""The drive of an RP2's boot loader, in a temporary folder.

Like the chip, it accepts the blocks of a ``.uf2`` as they arrive, and disappears when the file is
complete.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from tests.helpers.in_thread import InThread
from torpor_tools.image import uf2
from torpor_tools.model.board import Board

_INFO = "UF2 Bootloader v3.0\nModel: Raspberry Pi {0}\nBoard-ID: {1}\n"
_IDS = {"RP2040": ("RP2", "RPI-RP2"), "RP2350": ("RP2350", "RP2350")}


class Bootsel(InThread):
    """The drive at ``path``; ``taken`` is the file that the chip has started from, if any.

    ``pull_at``: the cable is pulled after this many bytes. ``deaf``: it ignores all files.
    """

    def __init__(
        self, path: Path, board: Board, *, pull_at: int | None = None, deaf: bool = False
    ) -> None:
        super().__init__()
        self.path = path
        self.taken: bytes | None = None
        self._board = board
        self._pull_at = pull_at
        self._deaf = deaf
        self.gone = threading.Event()
        path.mkdir()
        (path / "INFO_UF2.TXT").write_text(_INFO.format(*_IDS[board.chip]))

    def _run(self) -> None:
        while not self._stop.wait(0.01):
            for file in self.path.glob("*.uf2"):
                content = file.read_bytes()
                if self._pull_at is not None and len(content) >= self._pull_at:
                    self._disappear()
                    return
                if not self._deaf and self._is_complete(content):
                    self.taken = content
                    self._disappear()
                    return

    def _is_complete(self, content: bytes) -> bool:
        if not content or len(content) % 512:
            return False
        total = int.from_bytes(content[24:28], "little")
        if len(content) // 512 < total:
            return False
        uf2.read(content, self._board)
        return True

    def _disappear(self) -> None:
        # Renamed first, so that no program writes to files that are being removed.
        aside = self.path.with_name(self.path.name + "-gone")
        self.path.rename(aside)
        time.sleep(0.05)
        shutil.rmtree(aside)
        self.gone.set()


def flash_content(blocks: Sequence[uf2.Block], start: int, size: int) -> bytes:
    """Return ``size`` bytes of flash from ``start`` on, after the blocks were written."""
    content = bytearray(b"\xff" * size)
    for block in blocks:
        at = block.address - uf2.FLASH_START - start
        if block.family != uf2.ABSOLUTE and 0 <= at < size:
            content[at : at + len(block.data)] = block.data
    return bytes(content)
