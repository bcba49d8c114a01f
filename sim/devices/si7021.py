"""Silicon Labs Si7021, temperature and humidity: datasheet Si7021-A20, revision 1.3."""

import time

from . import CommandDevice, clamp, crc8

_ID = b"\x00\x00\x00\x00", b"\x15\xff\xff\xff"  # 0x15: Si7021, table 5.1.2


class Model(CommandDevice):
    BUS = "i2c"
    ADDRESSES = (0x40,)
    INPUTS = {"temperature": 21.0, "humidity": 45.0}
    RANGES = {"temperature": (-40, 125, "°C"), "humidity": (0, 100, "%")}

    def begin(self):
        super().begin()
        self._user = 0x3A
        self._heater = 0
        self._temperature = 0

    def run(self, command):
        code = command[0]
        if code in (0xE5, 0xF5):
            self._measure(code == 0xE5, 23)  # both conversions: table 2
            return self._word(round((clamp(self.sense("humidity"), 0, 100) + 6) * 65536 / 125))
        if code in (0xE3, 0xF3):
            self._measure(code == 0xE3, 11)
            return self._word(self._temperature)
        if code == 0xE0:
            return self._temperature.to_bytes(2, "big")
        if code == 0xFE:
            self.begin()
        elif code == 0xE6 and len(command) > 1:
            self._user = command[1]
        elif code == 0xE7:
            return bytes((self._user,))
        elif code == 0x51 and len(command) > 1:
            self._heater = command[1]
        elif code == 0x11:
            return bytes((self._heater,))
        elif command[:2] == b"\xfa\x0f":
            crc = bytes((crc8(_ID[0][:1], start=0),))
            return b"".join([bytes((byte,)) + crc for byte in _ID[0]])
        elif command[:2] == b"\xfc\xc9":
            return _ID[1][:2] + bytes((crc8(_ID[1][:2], start=0),)) + _ID[1][2:] + b"\x00"
        elif command[:2] == b"\x84\xb8":
            return b"\x20"  # firmware 2.0
        return b""

    def _measure(self, holds, ms):
        t = clamp(self.sense("temperature"), -40, 125)
        self._temperature = round((t + 46.85) * 65536 / 175.72) & 0xFFFC
        if holds:
            time.sleep_ms(ms)  # the clock is stretched
        else:
            self.busy(ms)

    def _word(self, value):
        data = (min(value, 0xFFFF) & 0xFFFC).to_bytes(2, "big")
        return data + bytes((crc8(data, start=0),))
