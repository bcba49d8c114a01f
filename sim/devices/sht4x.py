"""Sensirion SHT40, SHT41, SHT45, temperature and humidity: datasheet SHT4x, version 6.5."""

from . import CommandDevice, clamp, crc8

# Command -> ms: chapter 4.5 and table 4.
_MEASURE = {0xFD: 9, 0xF6: 5, 0xE0: 2}
_HEAT = {0x39: 1100, 0x32: 110, 0x2F: 1100, 0x24: 110, 0x1E: 1100, 0x15: 110}


def word(value):
    data = value.to_bytes(2, "big")
    return data + bytes((crc8(data),))


class Model(CommandDevice):
    BUS = "i2c"
    ADDRESSES = (0x44, 0x45, 0x46)
    INPUTS = {"temperature": 21.0, "humidity": 45.0}
    RANGES = {"temperature": (-40, 125, "°C"), "humidity": (0, 100, "%")}
    OPTIONS = {"serial": 0x0F00AA55}

    def run(self, command):
        code = command[0]
        if code in _MEASURE or code in _HEAT:
            self.busy(_MEASURE.get(code) or _HEAT[code])
            t = round((clamp(self.sense("temperature"), -45, 130) + 45) * 65535 / 175)
            h = round((clamp(self.sense("humidity"), 0, 100) + 6) * 65535 / 125)
            return word(t) + word(h)
        if code == 0x89:
            return word(self.serial >> 16) + word(self.serial & 0xFFFF)
        return b""
