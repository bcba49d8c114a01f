"""Texas Instruments INA219, current and voltage of a supply: datasheet SBOS448G."""

from . import WordDevice, clamp


class Model(WordDevice):
    BUS = "i2c"
    ADDRESSES = (0x40, 0x41, 0x44, 0x45)
    INPUTS = {"voltage": 5.0, "current": 0.1}
    RANGES = {"voltage": (0, 26, "V"), "current": (-320, 320, "A")}  # 320 mV at 1 milliohm
    OPTIONS = {"shunt": 0.1}  # ohms

    def begin(self):
        self._at = 0
        self._config = 0x399F
        self._calibration = 0

    def put(self, register, word):
        if register == 0 and word & 0x8000:
            self.begin()
        elif register == 0:
            self._config = word
        elif register == 5:
            self._calibration = word & 0xFFFE

    def get(self, register):
        full = 4000 << (self._config >> 11 & 3)  # 40 mV to 320 mV in 10 uV, by PG: table 7
        shunt = int(clamp(round(self.sense("current") * self.shunt * 1e5), -full, full))
        bus = int(clamp(round(self.sense("voltage") / 0.004), 0, 8000))
        current = int(clamp(shunt * self._calibration // 4096, -32768, 32767))
        if register == 0:
            return self._config
        if register == 1:
            return shunt
        if register == 2:
            return bus << 3 | 2  # CNVR: a conversion is ready
        if register == 3:
            return abs(current) * bus // 5000
        return current if register == 4 else self._calibration
