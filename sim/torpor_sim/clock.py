"""The supervisor's only access to time."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path


class Clock:
    """Seconds since it was created, times ``speed``."""

    def __init__(self, speed: float = 1.0) -> None:
        self.speed = speed
        self.epoch_ns = time.time_ns()
        self._start = time.monotonic()

    def now(self) -> float:
        """The simulator's time, in s since its start."""
        return (time.monotonic() - self._start) * self.speed

    async def wait(self, event: asyncio.Event, seconds: float | None) -> bool:
        """Wait for ``event``, at most ``seconds`` of this clock (None: forever).

        Returns whether it is set.
        """
        try:
            async with asyncio.timeout(None if seconds is None else seconds / self.speed):
                await event.wait()
        except TimeoutError:
            return False
        return True


def duration(seconds: float) -> str:
    """Return a duration for people: ``12.5 s``, ``3 min 20 s``, ``9 h 53 min``."""
    if seconds < 60:
        return f"{seconds:g} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def running_s(run: Path) -> float:
    """Seconds of the simulator's clock now, by the facts in a running board's folder ``run``."""
    facts = json.loads((run / "facts.json").read_text(encoding="utf-8"))
    return float(time.time_ns() - facts["epoch_ns"]) / 1e9 * float(facts["speed"])
