"""One emulated board at a time on a computer: each needs a whole processor."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from torpor_tools.errors import fail
from torpor_tools.locks import try_lock

# Windows has no user ids, and a folder for temporary files for each user.
_NAME = f"torpor-emulator-{os.getuid() if hasattr(os, 'getuid') else 0}.lock"
_POLL_S = 0.1
_LONGEST_S = 1800.0


class EmulatorLock:
    """A lock that is held from ``acquire`` until ``release``, or until this process ends."""

    def __init__(self) -> None:
        self._handle: int | None = None

    async def acquire(self, waiting: Callable[[], None] | None = None) -> None:
        """Wait until no other board is emulated; ``waiting`` is called once if one is.

        Raises ``UserError`` after half an hour.
        """
        path = Path(tempfile.gettempdir()) / _NAME
        handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            async with asyncio.timeout(_LONGEST_S):
                while not try_lock(handle):
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

    def release(self) -> None:
        """Let the next board begin."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
