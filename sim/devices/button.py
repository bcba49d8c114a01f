"""A push button to ground that bounces: J. Ganssle, "A Guide to Debouncing", mostly below 10 ms."""

import time

from . import Device


class Model(Device):
    BUS = "pin"
    PINS = ("pin",)
    INPUTS = {"pressed": 0}
    RANGES = {"pressed": (0, 1)}
    OPTIONS = {"bounce_ms": 5, "pressed_level": 0}

    def begin(self):
        self._was = 0
        self._since = None

    def due(self):
        if self._since is not None:
            return 1
        return 10 if self.varies() else None

    def level(self, pin):
        pressed = 1 if self.sense("pressed") else 0
        if pressed != self._was:
            self._was = pressed
            self._since = time.ticks_us()
        level = self.pressed_level if pressed else 1 - self.pressed_level
        if self._since is not None:
            us = time.ticks_diff(time.ticks_us(), self._since)
            if us >= self.bounce_ms * 1000:
                self._since = None
            elif us // 800 & 1:
                level = 1 - level
        return level
