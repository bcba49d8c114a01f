"""``machine.Timer``."""

import time

import _irq
import _sim
from _sim import facts

_ESP32 = facts["port"] == "esp32"
_timers: dict = {}  # an ESP32's, by id: a second object is the same timer


class Timer:
    ONE_SHOT = 0
    PERIODIC = 1

    def __new__(cls, id=-1, **options):
        if not _ESP32:
            if id != -1:
                raise ValueError("Timer doesn't exist")
            return object.__new__(cls)
        id &= 3 if facts["chip"] in ("ESP32", "ESP32-S2", "ESP32-S3") else 1
        if id not in _timers:
            _timers[id] = object.__new__(cls)
        return _timers[id]

    def __init__(self, id=-1, **options):
        if not hasattr(self, "due"):
            self.due = 0
            self._callback = None
        if options:
            self.init(**options)

    def init(
        self,
        *,
        mode=PERIODIC,
        callback=None,
        period=0xFFFFFFFF,
        tick_hz=1000,
        freq=None,
        hard=False,
    ):
        if _ESP32 and hard:
            raise ValueError("hard Timers are not implemented")
        self.deinit()
        self._mode = mode
        self._callback = callback
        self._hard = hard
        self._us = int(1_000_000 / freq) if freq else period * 1_000_000 // tick_hz
        self._since = _sim.ticks()
        self._count = 1
        self._next()
        _irq.timers.append(self)
        _irq.start()

    def _next(self):
        self.due = time.ticks_add(self._since, min(self._count * self._us // 1000, 1 << 28))

    def _fire(self):
        if self._mode == Timer.ONE_SHOT:
            self.deinit()
        else:
            self._count += 1
            self._next()
        if self._callback:
            _irq.call(self._callback, self, self._hard)

    def deinit(self):
        if self in _irq.timers:
            _irq.timers.remove(self)

    if _ESP32:

        def value(self):
            return time.ticks_diff(_sim.ticks(), self._since)
