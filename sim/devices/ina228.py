"""Texas Instruments INA228, current, voltage, power and energy: datasheet SLYS021A."""

from . import I2CDevice, clamp

_LENGTHS = {4: 3, 5: 3, 7: 3, 8: 3, 9: 5, 10: 5}  # bytes; the other registers have two
_MANUFACTURER, _DEVICE = 0x5449, 0x2281


class Model(I2CDevice):
    BUS = "i2c"
    ADDRESSES = (
        0x40,
        0x41,
        0x42,
        0x43,
        0x44,
        0x45,
        0x46,
        0x47,
        0x48,
        0x49,
        0x4A,
        0x4B,
        0x4C,
        0x4D,
        0x4E,
        0x4F,
    )
    INPUTS = {"voltage": 5.0, "current": 0.1, "temperature": 25.0}
    # 163.84 mV at a shunt of 0.1 milliohm.
    RANGES = {
        "voltage": (0, 85, "V"),
        "current": (-1638.4, 1638.4, "A"),
        "temperature": (-40, 125, "°C"),
    }
    OPTIONS = {"shunt": 0.015}  # ohms

    def begin(self):
        self._at = 0
        self._words = {0: 0, 1: 0xFB68, 2: 0x1000, 3: 0, 0x3E: _MANUFACTURER, 0x3F: _DEVICE}

    def write(self, data):
        if data:
            self._at = data[0]
        if len(data) >= 3:
            word = data[1] << 8 | data[2]
            if self._at == 0 and word & 0x8000:
                self.begin()
            elif self._at not in (0x3E, 0x3F):
                self._words[self._at] = word

    def read(self, count):
        length = _LENGTHS.get(self._at, 2)
        return (self._value(self._at) & (1 << 8 * length) - 1).to_bytes(length, "big")

    def _value(self, register):
        fine = self._words[0] & 0x10  # ADCRANGE: 40.96 mV instead of 163.84
        volts, amperes = self.sense("voltage"), self.sense("current")
        shunt = round(amperes * self.shunt / (78.125e-9 if fine else 312.5e-9))
        if register == 4:
            return int(clamp(shunt, -524288, 524287)) << 4
        if register == 5:
            return int(clamp(round(volts / 195.3125e-6), 0, 524287)) << 4
        if register == 6:
            return round(self.sense("temperature") / 7.8125e-3)
        # CURRENT_LSB by SHUNT_CAL: equation 2.
        lsb = self._words[2] / (13107.2e6 * self.shunt) / (4 if fine else 1)
        if register == 7:
            return int(clamp(round(amperes / lsb), -524288, 524287)) << 4 if lsb else 0
        if register == 8:
            return round(abs(amperes) * volts / (3.2 * lsb)) if lsb else 0
        return self._words.get(register, 0)
