"""Aosong DHT22 (AM2302), temperature and humidity: datasheet AM2302, version 1.0."""

from . import Device, clamp


class Model(Device):
    BUS = "pin"
    PINS = ("pin",)
    INPUTS = {"temperature": 21.0, "humidity": 45.0}
    RANGES = {"temperature": (-40, 80, "°C"), "humidity": (0, 100, "%")}

    def frame(self):
        """The five bytes of a reading: tenths, the sign in the highest bit, and their sum."""
        h = round(clamp(self.sense("humidity"), 0, 100) * 10)
        t = round(clamp(self.sense("temperature"), -40, 80) * 10)
        t = 0x8000 | -t if t < 0 else t
        data = h.to_bytes(2, "big") + t.to_bytes(2, "big")
        return data + bytes((sum(data) & 255,))
