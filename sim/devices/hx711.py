"""Avia HX711, a scale: datasheet HX711. ``weight`` in grams, ``scale`` in counts for a gram."""

import time

from . import Device, clamp

_PERIOD_MS = 100  # with RATE low: 10 a second


class Model(Device):
    BUS = "pin"
    PINS = ("clock", "data")
    INPUTS = {"weight": 0.0}
    RANGES = {"weight": (-8388608, 8388607, "g")}  # 24 bits at one count a gram
    OPTIONS = {"scale": 100.0, "offset": 8000}

    def begin(self):
        self._pulses = 0
        self._gain = 128
        self._bits = 0
        self._ready = time.ticks_ms()

    def level(self, pin):
        if pin != self.pins["data"]:
            return None
        if self.fault() in ("nack", "hang"):
            return 1
        if self._pulses:
            return self._bits >> (24 - self._pulses) & 1 if self._pulses <= 24 else 1
        return 0 if time.ticks_diff(time.ticks_ms(), self._ready) >= 0 else 1

    def due(self):
        left = time.ticks_diff(self._ready, time.ticks_ms())
        return left if left > 0 else None

    def changed(self, pin, level):
        if pin != self.pins["clock"] or not level:
            return
        if time.ticks_diff(time.ticks_ms(), self._ready) < 0:
            # Right after the 25th: pulses 26 and 27 choose another gain, table 3.
            self._gain = {128: 32, 32: 64}.get(self._gain, 128)
            return
        if not self._pulses:
            counts = self.sense("weight") * self.scale * self._gain / 128 + self.offset
            self._bits = int(clamp(round(counts), -0x800000, 0x7FFFFF)) & 0xFFFFFF
        self._pulses += 1
        if self._pulses == 25:
            self._pulses = 0
            self._gain = 128
            self._ready = time.ticks_add(time.ticks_ms(), _PERIOD_MS)
