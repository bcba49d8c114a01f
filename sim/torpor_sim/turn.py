"""One emulated board at a time on a computer: each fills a processor and wants its time."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from torpor_tools.errors import fail

_NAME = f"torpor-emulator-{os.getuid()}.lock"
_POLL_S = 0.1
_PATIENCE_S = 1800.0


class Turn:
    """Held from ``take`` until ``give_back``, or until this process ends."""

    def __init__(self) -> None:
        self._handle: int | None = None

    async def take(self, waiting: Callable[[], None] | None = None) -> None:
        """Wait until no other board is emulated; ``waiting`` is called once if one is.

        Raises ``UserError`` after half an hour.
        """
        path = Path(tempfile.gettempdir()) / _NAME
        handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            async with asyncio.timeout(_PATIENCE_S):
                while not _locked(handle):
                    if waiting:
                        waiting()
                        waiting = None
                    await asyncio.sleep(_POLL_S)
        except BaseException as error:
            os.close(handle)
            if isinstance(error, TimeoutError):
                remedy = "end it: torpor sim --emulate, or tests that use the emulator"
                raise fail("another emulated board runs on this computer", remedy) from None
            raise
        self._handle = handle

    def give_back(self) -> None:
        """Let the next one begin."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def _locked(handle: int) -> bool:
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False
