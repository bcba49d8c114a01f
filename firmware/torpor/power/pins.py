"""The pins that wake a board: ``@on_wake(pin=4, level=0)``.

A method runs once each time its pin goes to its level, whether the board sleeps or not. A pin that
has its level when the board goes to sleep waits for the other level. Otherwise a door that stays
open would wake the board repeatedly.
"""

import asyncio

from micropython import const

from .. import log, loop, port
from . import chip

_LOOK_MS = const(50)


TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from ..kernel import Kernel
    from ..log import Log


class Wake:
    """A pin, its level, and the method that runs."""

    def __init__(self, log: "Log", method: "Callable", pin: int, level: int) -> None:
        self.log = log
        self.method = method
        self.pin = pin
        self.level = level
        self.was = False  # whether the pin had its level when we last looked
        chip.watch(pin, level)


class Pins:
    """All wake pins of the board."""

    def __init__(self, wakes: list) -> None:
        self.wakes = wakes
        for wake in wakes:
            wake.was = chip.active(wake.pin, wake.level)

    def resume(self, before: list) -> None:
        """Continue after a deep sleep with the ``levels`` from before it."""
        for i, wake in enumerate(self.wakes[: len(before)]):
            wake.was = bool(before[i])
        if port.wake_reason() == "pin":
            self._woken(chip.wake_pin())

    def _woken(self, by: int) -> None:
        """Run the method of a pin that woke the chip and is no longer at its level.

        ``watch`` handles the pins that still have their level.
        """
        waiting = [wake for wake in self.wakes if not wake.was]
        if any(wake.was != chip.active(wake.pin, wake.level) for wake in self.wakes):
            return
        for wake in waiting:
            if wake.pin == by or len(waiting) == 1:
                self._run(wake)

    def levels(self) -> list:
        """Return whether each pin had its level when we last looked, for the next start."""
        return [int(wake.was) for wake in self.wakes]

    def armed(self) -> list:
        """Return the pins that the chip should wait for: pairs of (pin, level)."""
        return [(w.pin, 1 - w.level if w.was else w.level) for w in self.wakes]

    async def watch(self) -> None:
        """Run the methods of pins that change while the board is awake. Never returns."""
        while True:
            for wake in self.wakes:
                now = chip.active(wake.pin, wake.level)
                if now and not wake.was:
                    self._run(wake)
                wake.was = now
            await asyncio.sleep_ms(_LOOK_MS)

    def _run(self, wake: Wake) -> None:
        asyncio.create_task(_call(wake))


async def _call(wake: Wake) -> None:
    async with loop.Hold():
        try:
            await wake.method()
        except Exception as e:
            wake.log.exception(e, "wake method failed")


def start(kernel: "Kernel") -> None:
    """Begin with ``WAKE`` of the wiring: service, method, pin, level."""
    wakes = []
    for name, method, pin, level in kernel.cluster.WAKE:
        if name not in kernel.failed:
            service = kernel.services[name]
            wakes.append(Wake(service.log, getattr(service, method), pin, level))
    kernel.pins = Pins(wakes)
    loop.spawn(log.Log("power"), kernel.pins.watch)
