"""Bosch BME280, temperature, pressure and humidity: datasheet BST-BME280-DS001, revision 1.24.

The compensation formulas of chapter 4.2.3 are inverted: the part's raw values are those that yield
what is set. The trimming values are those of the example in the BMP280's datasheet
(BST-BMP280-DS001, chapter 3.12), with humidity values as parts have them.
"""

import struct

from . import RegisterDevice, clamp

_T = (27504, 26435, -1000)
_P = (36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000)
_H1, _H2, _H3, _H4, _H5, _H6 = 75, 362, 0, 321, 50, 30
_CALIBRATION = struct.pack("<Hhh", *_T) + struct.pack("<Hhhhhhhhh", *_P)
_HUMIDITY = struct.pack("<hB", _H2, _H3) + bytes(
    (_H4 >> 4, (_H4 & 0xF) | (_H5 & 0xF) << 4, _H5 >> 4, _H6)
)


def _fine(raw):
    a = ((raw / 16384.0) - (_T[0] / 1024.0)) * _T[1]
    b = (raw / 131072.0) - (_T[0] / 8192.0)
    return a + b * b * _T[2]


def _pascals(raw, fine):
    v1 = fine / 2.0 - 64000.0
    v2 = v1 * v1 * _P[5] / 32768.0 + v1 * _P[4] * 2.0
    v2 = v2 / 4.0 + _P[3] * 65536.0
    v1 = (_P[2] * v1 * v1 / 524288.0 + _P[1] * v1) / 524288.0
    v1 = (1.0 + v1 / 32768.0) * _P[0]
    p = (1048576.0 - raw - v2 / 4096.0) * 6250.0 / v1
    return p + (_P[8] * p * p / 2147483648.0 + p * _P[7] / 32768.0 + _P[6]) / 16.0


def _percent(raw, fine):
    h = fine - 76800.0
    h = (raw - (_H4 * 64.0 + _H5 / 16384.0 * h)) * (
        _H2 / 65536.0 * (1.0 + _H6 / 67108864.0 * h * (1.0 + _H3 / 67108864.0 * h))
    )
    return clamp(h * (1.0 - _H1 * h / 524288.0), 0.0, 100.0)


def _raw(measure, wanted, bits):
    """The raw value that measures ``wanted``, by halving; ``measure`` rises or falls throughout."""
    low, high = 0, (1 << bits) - 1
    rises = measure(high) > measure(low)
    while low < high:
        middle = (low + high) // 2
        if (measure(middle) < wanted) == rises:
            low = middle + 1
        else:
            high = middle
    return low


class Model(RegisterDevice):
    BUS = "i2c"
    ADDRESSES = (0x76, 0x77)
    INPUTS = {"temperature": 21.0, "pressure": 1013.25, "humidity": 45.0}
    RANGES = {
        "temperature": (-40, 85, "°C"),
        "pressure": (300, 1100, "hPa"),
        "humidity": (0, 100, "%"),
    }
    CHIP = 0x60

    def begin(self):
        self._at = 0
        self._control = {0xF2: 0, 0xF4: 0, 0xF5: 0}
        self._data = b"\x80\x00\x00\x80\x00\x00\x80\x00"

    def put(self, register, byte):
        if register == 0xE0 and byte == 0xB6:
            self.begin()
        elif register in self._control:
            self._control[register] = byte
            if register == 0xF4 and byte & 3:
                self._measure()

    def write(self, data):
        # Written bytes come in pairs of register and value: chapter 6.2.1.
        if data:
            self._at = data[0]
        for i in range(0, len(data) - 1, 2):
            self.put(data[i], data[i + 1])

    def get(self, register):
        if 0x88 <= register < 0x88 + len(_CALIBRATION):
            return _CALIBRATION[register - 0x88]
        if self.CHIP == 0x60:
            if register == 0xA1:
                return _H1
            if 0xE1 <= register < 0xE1 + len(_HUMIDITY):
                return _HUMIDITY[register - 0xE1]
        if register == 0xD0:
            return self.CHIP
        if 0xF7 <= register <= 0xFE:
            if register == 0xF7 and self._control[0xF4] & 3 == 3:
                self._measure()  # in normal mode it measures all the time
            return self._data[register - 0xF7]
        return self._control.get(register, 0)

    def _measure(self):
        t = _raw(lambda raw: _fine(raw) / 5120.0, clamp(self.sense("temperature"), -40, 85), 20)
        fine = _fine(t)
        hpa = clamp(self.sense("pressure"), 300, 1100)
        p = _raw(lambda raw: _pascals(raw, fine), hpa * 100, 20)
        h = 0x8000
        if self.CHIP == 0x60:
            h = _raw(lambda raw: _percent(raw, fine), self.sense("humidity"), 16)
        self._data = bytes(
            (
                p >> 12,
                p >> 4 & 255,
                (p & 15) << 4,
                t >> 12,
                t >> 4 & 255,
                (t & 15) << 4,
                h >> 8,
                h & 255,
            )
        )
