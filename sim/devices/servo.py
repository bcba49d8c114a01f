"""A hobby servo: pulses of 0.5 to 2.5 ms, 50 a second, set its angle (as TowerPro SG90)."""

from . import Device, clamp


class Model(Device):
    BUS = "pin"
    PINS = ("pin",)
    OPTIONS = {"min_us": 500, "max_us": 2500, "degrees": 180}

    def begin(self):
        self._angle = None

    def pwm(self, frequency, high_ns):
        if high_ns and frequency:
            share = (high_ns / 1000 - self.min_us) / (self.max_us - self.min_us)
            self._angle = round(clamp(share, 0, 1) * self.degrees, 1)
        self.show()

    def shown(self):
        return {"kind": "angle", "degrees": self._angle}
