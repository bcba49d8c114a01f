"""BME280, temperature and humidity of the air: datasheet BST-BME280-DS002, chapters 4.2 and 5."""

import struct
import time

from machine import I2C
from micropython import const

_HUMIDITY = const(0xF2)
_MEASURE = const(0xF4)
_DATA = const(0xFA)
_FORCED = const(0x21)  # the temperature once, then sleep
_CONVERSION_MS = 10  # both without oversampling: chapter 9.1


class BME280:
    """Measures on request."""

    def __init__(self, i2c: I2C, address: int = 0x76) -> None:
        self._i2c = i2c
        self._address = address
        self._t1, self._t2, self._t3 = struct.unpack("<Hhh", self._read(0x88, 6))
        self._h1 = self._read(0xA1, 1)[0]
        h = self._read(0xE1, 7)
        self._h2, self._h3 = struct.unpack("<hB", h)
        # Two numbers of 12 bits share a byte.
        self._h4 = _signed(h[3]) << 4 | h[4] & 15
        self._h5 = _signed(h[5]) << 4 | h[4] >> 4
        self._h6 = _signed(h[6])

    def read(self) -> tuple[float, float]:
        """Return degrees Celsius and percent of humidity. Takes 10 ms. Raises OSError."""
        self._i2c.writeto_mem(self._address, _HUMIDITY, b"\x01")
        self._i2c.writeto_mem(self._address, _MEASURE, bytes((_FORCED,)))
        time.sleep_ms(_CONVERSION_MS)
        data = self._read(_DATA, 5)
        raw = data[0] << 12 | data[1] << 4 | data[2] >> 4
        first = (raw / 16384 - self._t1 / 1024) * self._t2
        fine = first + (raw / 131072 - self._t1 / 8192) ** 2 * self._t3
        return fine / 5120, self._humidity(data[3] << 8 | data[4], fine - 76800)

    def _humidity(self, raw: int, fine: float) -> float:
        value = raw - (self._h4 * 64 + self._h5 / 16384 * fine)
        value *= self._h2 / 65536
        value *= 1 + self._h6 / 67108864 * fine * (1 + self._h3 / 67108864 * fine)
        # The last step is divided in this way by the datasheet's formula.
        value *= 1 - self._h1 * value / 524288
        return min(max(value, 0.0), 100.0)

    def _read(self, register: int, count: int) -> bytes:
        return self._i2c.readfrom_mem(self._address, register, count)


def _signed(byte: int) -> int:
    return byte - 256 if byte > 127 else byte
