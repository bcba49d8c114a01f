"""Texas Instruments ADS1115, four voltages at 16 bits: datasheet SBAS444D."""

import time

from . import WordDevice, clamp

_FULL = (6.144, 4.096, 2.048, 1.024, 0.512, 0.256, 0.256, 0.256)  # V, by PGA: table 8
_RATES = (8, 16, 32, 64, 128, 250, 475, 860)  # a second, by DR
# Inputs by MUX: positive and negative.
_MUX = ((0, 1), (0, 3), (1, 3), (2, 3), (0, None), (1, None), (2, None), (3, None))


class Model(WordDevice):
    BUS = "i2c"
    ADDRESSES = (0x48, 0x49, 0x4A, 0x4B)
    INPUTS = {"a0": 0.0, "a1": 0.0, "a2": 0.0, "a3": 0.0}
    RANGES = {"*": (-0.3, 5.8, "V")}  # beyond its supply by 0.3 V at most: chapter 7.1

    def begin(self):
        self._at = 0
        self._config = 0x8583
        self._limits = {2: 0x8000, 3: 0x7FFF}
        self._value = 0
        self._ready = time.ticks_ms()

    def put(self, register, word):
        if register == 1:
            self._config = word
            if word & 0x8000 or not word & 0x0100:
                self._ready = time.ticks_add(time.ticks_ms(), 1000 // _RATES[word >> 5 & 7] + 1)
                self._value = self._convert()
        elif register in self._limits:
            self._limits[register] = word

    def get(self, register):
        done = time.ticks_diff(time.ticks_ms(), self._ready) >= 0
        if register == 0:
            if done and not self._config & 0x0100:
                self._value = self._convert()  # it converts all the time
            return self._value
        if register == 1:
            return self._config | 0x8000 if done else self._config & 0x7FFF
        return self._limits.get(register, 0)

    def _convert(self):
        positive, negative = _MUX[self._config >> 12 & 7]
        volts = self.sense("a%d" % positive)
        if negative is not None:
            volts -= self.sense("a%d" % negative)
        full = _FULL[self._config >> 9 & 7]
        return int(clamp(round(volts * 32768 / full), -32768, 32767)) & 0xFFFF
