"""InvenSense MPU-6050, acceleration and rotation: register map RM-MPU-6000A-00, revision 4.2."""

import struct

from . import RegisterDevice, clamp

_ACCEL_LSB = (16384, 8192, 4096, 2048)  # per g, by AFS_SEL: chapter 4.17
_GYRO_LSB = (131.0, 65.5, 32.8, 16.4)  # per degree a second, by FS_SEL: chapter 4.19


def _word(value):
    return struct.pack(">h", int(clamp(round(value), -32768, 32767)))


class Model(RegisterDevice):
    BUS = "i2c"
    ADDRESSES = (0x68, 0x69)
    INPUTS = {"ax": 0.0, "ay": 0.0, "az": 1.0, "gx": 0.0, "gy": 0.0, "gz": 0.0, "temperature": 25.0}
    RANGES = {
        "ax": (-16, 16, "g"), "ay": (-16, 16, "g"), "az": (-16, 16, "g"),
        "temperature": (-40, 85, "°C"), "*": (-2000, 2000, "degrees a second"),
    }  # fmt: skip
    OPTIONS = {"who_am_i": 0x68}

    def begin(self):
        self._at = 0
        self._registers = {0x6B: 0x40}  # asleep at power on: chapter 3
        self._data = bytes(14)

    def put(self, register, byte):
        if register == 0x6B and byte & 0x80:
            self.begin()
        else:
            self._registers[register] = byte

    def get(self, register):
        if register == 0x75:
            return self.who_am_i
        if 0x3B <= register <= 0x48:
            if register in (0x3B, 0x41, 0x43):
                self._measure()
            return self._data[register - 0x3B]
        return self._registers.get(register, 0)

    def _measure(self):
        if self._registers[0x6B] & 0x40:
            return  # asleep, it keeps what it had
        a = _ACCEL_LSB[self._registers.get(0x1C, 0) >> 3 & 3]
        g = _GYRO_LSB[self._registers.get(0x1B, 0) >> 3 & 3]
        data = b"".join([_word(self.sense(axis) * a) for axis in ("ax", "ay", "az")])
        data += _word((self.sense("temperature") - 36.53) * 340)
        self._data = data + b"".join([_word(self.sense(axis) * g) for axis in ("gx", "gy", "gz")])
