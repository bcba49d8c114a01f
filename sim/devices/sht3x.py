"""Sensirion SHT30, SHT31, SHT35, temperature and humidity: datasheet SHT3x-DIS, version 7."""

import time

from . import CommandDevice, clamp, crc8

# Single shot, table 9; the time by repeatability, table 4.
_SINGLE = {0x2C06: 15, 0x2C0D: 6, 0x2C10: 4, 0x2400: 15, 0x240B: 6, 0x2416: 4}
_PERIODIC = (0x20, 0x21, 0x22, 0x23, 0x27)  # the high byte: table 10


def word(value):
    data = value.to_bytes(2, "big")
    return data + bytes((crc8(data),))


class Model(CommandDevice):
    BUS = "i2c"
    ADDRESSES = (0x44, 0x45)
    INPUTS = {"temperature": 21.0, "humidity": 45.0}
    RANGES = {"temperature": (-40, 125, "°C"), "humidity": (0, 100, "%")}

    def begin(self):
        super().begin()
        self._status = 0x8010  # after a reset: table 18
        self._periodic = False

    def run(self, command):
        code = int.from_bytes(command[:2], "big")
        if code in _SINGLE:
            self.busy(_SINGLE[code])
            if code >> 8 == 0x2C:  # the clock is stretched: the bus waits instead
                time.sleep_ms(_SINGLE[code])
                self._ready = time.ticks_ms()
            return self._measure()
        if code >> 8 in _PERIODIC or code == 0x2B32:
            self._periodic = True
        elif code == 0xE000 and self._periodic:
            return self._measure()
        elif code == 0x3093:
            self._periodic = False
        elif code == 0x30A2:
            self.begin()
        elif code == 0x3041:
            self._status &= ~0x8C10
        elif code == 0x306D:
            self._status |= 0x2000
        elif code == 0x3066:
            self._status &= ~0x2000
        elif code == 0xF32D:
            return word(self._status)
        return b""

    def _measure(self):
        t = round((clamp(self.sense("temperature"), -45, 130) + 45) * 65535 / 175)
        h = round(clamp(self.sense("humidity"), 0, 100) * 65535 / 100)
        return word(t) + word(h)
