"""The watchdog of a simulated board, which the supervisor simulates."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

_SLACK = 1.25  # the shim reports at most every quarter of the time
_LEAST_S = 5.0
_AGAIN_S = 0.5  # lets a busy supervisor read what has arrived before the watchdog bites


class Watchdog:
    """Calls ``bite`` with the time in seconds when it has not been fed for that long.

    ``speed``: how many of its seconds pass in a real one.
    """

    def __init__(self, bite: Callable[[float], None], speed: float = 1.0) -> None:
        self._bite = bite
        self._speed = speed
        self._timer: asyncio.TimerHandle | None = None

    def feed(self, seconds: float) -> None:
        """Do not bite for ``seconds``; 0 switches it off. The first call switches it on."""
        self.off()
        if not seconds:
            return
        # At a high speed, the watchdog would bite on a busy computer.
        real = max(seconds * _SLACK / self._speed, min(seconds, _LEAST_S))
        self._after(real, lambda: self._after(_AGAIN_S, lambda: self._bite(seconds)))

    def off(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _after(self, seconds: float, do: Callable[[], None]) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, do)
