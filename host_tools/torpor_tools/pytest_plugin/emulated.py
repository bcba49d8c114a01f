"""The emulated Pico W as a target: official firmware, one boot for all test files of a run."""

from __future__ import annotations

import asyncio
import json
import tempfile
import threading
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

from torpor_sim.emulated import BOARD_TYPE, EmulatedBoard

from ..board.flash.catalogue import firmware
from ..errors import fail
from ..image import littlefs
from .image import TestImage
from .serial import SerialBoard, board_files

T = TypeVar("T")

_BOOT_S = 180.0
_LONGEST_S = 2000.0  # it may have to wait for another emulated board


class Emulated(SerialBoard):
    """Boots at the first start, with the files of all ``images`` on its flash already."""

    slowness = 60.0

    def __init__(self, images: Callable[[], Sequence[TestImage]]) -> None:
        super().__init__("emulated")
        self._images = images
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._board: EmulatedBoard | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._sound = False  # an interpreter waits for the next file

    def start(self, image: TestImage) -> None:
        """Run in the interpreter that ran the file before, if it still works.

        What is loaded of the runtime stays loaded: that takes a minute, services and tests do not.
        """
        if self._sound:
            self._sound = False
            self.write(json.dumps({"next": image.service}).encode() + b"\n")
        else:
            super().start(image)

    def leave(self) -> None:
        self._sound = True

    def close(self) -> None:
        super().close()
        if self._board:
            self._call(self._board.stop())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
            self._board = None
        if self._folder:
            self._folder.cleanup()

    def _open(self) -> None:
        images = self._images()
        kind = images[0].board.board
        if any(image.board.board.name != BOARD_TYPE for image in images):
            raise fail(
                f"only a {BOARD_TYPE} can be emulated, and a service is placed on a {kind.name}",
                "use --target unix",
            )
        self._folder = tempfile.TemporaryDirectory(prefix="torpor-test-")
        filesystem = Path(self._folder.name) / "tests.lfs"
        filesystem.write_bytes(littlefs.pack(board_files(images), kind.filesystem))
        self._thread.start()
        self._board = EmulatedBoard(uf2=firmware(kind), filesystem=filesystem, terminal=True)
        self._call(self._board.start(_BOOT_S))
        assert self._board.terminal
        self._device = self._board.terminal
        super()._open()

    def _install(self, files: dict[str, bytes]) -> bool:
        return False  # they are on its flash

    def _power_cycle(self) -> None:
        assert self._board
        self._board.reset()

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_LONGEST_S)
