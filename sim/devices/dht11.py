"""Aosong DHT11, temperature in tenths and humidity in whole units: datasheet, version 1.3."""

from . import Device, clamp


class Model(Device):
    BUS = "pin"
    PINS = ("pin",)
    INPUTS = {"temperature": 21.0, "humidity": 45.0}
    RANGES = {"temperature": (-20, 60, "°C"), "humidity": (5, 95, "%")}

    def frame(self):
        h = round(clamp(self.sense("humidity"), 5, 95))
        t = round(clamp(self.sense("temperature"), -20, 60) * 10)
        low = abs(t) % 10 | (0x80 if t < 0 else 0)
        data = bytes((h, 0, abs(t) // 10, low))
        return data + bytes((sum(data) & 255,))
