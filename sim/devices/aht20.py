"""Aosong AHT20 (and AHT10), temperature and humidity: datasheet AHT20, version 1.1, chapter 5.4."""

import time

from . import I2CDevice, clamp, crc8

_MEASURE_MS = 80


class Model(I2CDevice):
    BUS = "i2c"
    ADDRESSES = (0x38,)
    INPUTS = {"temperature": 21.0, "humidity": 45.0}
    RANGES = {"temperature": (-40, 85, "°C"), "humidity": (0, 100, "%")}

    def begin(self):
        self._calibrated = False
        self._since = None

    def write(self, data):
        if data[:1] in (b"\xbe", b"\xe1"):  # initialise; the AHT10's code
            self._calibrated = True
        elif data[:1] == b"\xac":
            self._since = time.ticks_ms()
        elif data[:1] == b"\xba":
            self.begin()
            self._calibrated = True

    def read(self, count):
        since = self._since
        busy = since is not None and time.ticks_diff(time.ticks_ms(), since) < _MEASURE_MS
        status = (0x80 if busy else 0) | (0x08 if self._calibrated else 0) | 0x10
        h = round(clamp(self.sense("humidity"), 0, 100) * (1 << 20) / 100)
        t = round((clamp(self.sense("temperature"), -40, 85) + 50) * (1 << 20) / 200)
        h = min(h, 0xFFFFF)
        bits = h << 20 | t
        data = bytes((status,)) + bits.to_bytes(5, "big")
        return data + bytes((crc8(data),))
