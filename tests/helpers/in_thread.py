"""Run an imitation of a board in its own thread, for the duration of a ``with`` block."""

from __future__ import annotations

import threading
from typing import Self


class InThread:
    """``_run`` continues until ``_stop`` is set; ``_interrupt`` ends a blocking call in it."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._stop.set()
        self._interrupt()
        self._thread.join(30)

    def _run(self) -> None:
        raise NotImplementedError

    def _interrupt(self) -> None:
        pass
