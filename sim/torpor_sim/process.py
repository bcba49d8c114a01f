"""One run of a board: a MicroPython process with the board's heap."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections.abc import Callable
from pathlib import Path

from .flash import BoardFolder, starter
from .lines import Event, LogLine, Reader

_LAUNCH = Path(__file__).with_name("_launch.py")
_CHUNK = 1 << 16
_STOP_S = 2.0  # between the request to end and the kill


class Process:
    """Starts when ``run`` is awaited, and passes its output to ``receive``.

    ``token`` is the one in the facts of this run: the board's events carry it.
    """

    def __init__(
        self,
        board: str,
        folder: BoardFolder,
        heap: int,
        receive: Callable[[LogLine | Event], None],
        token: str,
    ) -> None:
        self._reader = Reader(board, token)
        self._folder = folder
        self._heap = heap
        self._receive = receive
        self._process: asyncio.subprocess.Process | None = None
        self._ended = False  # asked to end, perhaps before the process existed

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    async def run(self) -> int:
        """Run to the end. Returns the exit status, negative if a signal ended the process."""
        self._process = process = await asyncio.create_subprocess_exec(
            *self._command(), stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, start_new_session=True
        )
        try:
            if self._ended:
                self.kill()
            assert process.stdout
            while data := await process.stdout.read(_CHUNK):
                self._feed(data)
            self._feed(b"")
            return await process.wait()
        finally:
            self.kill()

    def kill(self) -> None:
        """End the process as a power cut does."""
        if process := self._alive():
            with contextlib.suppress(ProcessLookupError):
                process.kill()

    async def stop(self) -> None:
        """End the process and wait until it has ended."""
        process = self._alive()
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(_STOP_S):
                await process.wait()
        except TimeoutError:
            self.kill()
            await process.wait()

    def _alive(self) -> asyncio.subprocess.Process | None:
        """Return the process to end, if there is one."""
        self._ended = True
        if self._process is None or self._process.returncode is not None:
            return None
        return self._process

    def _feed(self, data: bytes) -> None:
        for item in self._reader.feed(data):
            self._receive(item)

    def _command(self) -> list[str]:
        # The interpreter that runs us has the wheel with MicroPython, in any environment.
        launch = [sys.executable, "-P", str(_LAUNCH), str(os.getpid())]
        # In words of a 32-bit chip, so that as many objects fit as on the chip.
        heap = ["-X", f"heapsize={self._heap // 1024}wK"]
        return [*launch, *heap, str(starter()), str(self._folder.flash), str(self._folder.run)]
