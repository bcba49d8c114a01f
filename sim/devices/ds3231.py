"""Maxim DS3231, a clock with a battery: datasheet 19-5170, revision 10."""

import time

from . import RegisterDevice, clamp


def _bcd(value):
    return value // 10 << 4 | value % 10


def _plain(byte):
    return (byte >> 4) * 10 + (byte & 15)


class Model(RegisterDevice):
    BUS = "i2c"
    ADDRESSES = (0x68,)
    INPUTS = {"temperature": 25.0, "drift": 0.0}  # drift: seconds by which it is fast
    RANGES = {"temperature": (-40, 85, "°C"), "drift": (-3155760000, 3155760000, "s")}  # a century

    def begin(self):
        self._at = 0
        self._shift = 0  # s between its clock and the board's
        self._registers = bytearray(0x13)
        self._registers[0x0E] = 0x1C
        self._day = 0  # between its day of the week, which a program numbers, and ours

    def write(self, data):
        if len(data) > 1:
            self._load()
        super().write(data)
        if len(data) > 1 and data[0] <= 6:
            self._set()

    def read(self, count):
        self._load()
        return super().read(count)

    def after(self, register):
        return (register + 1) % 0x13

    def get(self, register):
        return self._registers[register % 0x13]

    def put(self, register, byte):
        self._registers[register % 0x13] = byte

    def _load(self):
        """Copy the time into the registers, as the start of a transfer does: page 12."""
        t = time.gmtime(int(time.time()) + self._shift + int(self.sense("drift")))
        hour = _bcd(t[3])
        if self._registers[2] & 0x40:
            hour = 0x40 | (0x20 if t[3] >= 12 else 0) | _bcd((t[3] + 11) % 12 + 1)
        fields = (
            _bcd(t[5]),
            _bcd(t[4]),
            hour,
            (t[6] + self._day) % 7 + 1,
            _bcd(t[2]),
            _bcd(t[1]),
            _bcd(t[0] % 100),
        )
        self._registers[0:7] = bytes(fields)
        quarters = round(clamp(self.sense("temperature"), -40, 85) * 4)
        self._registers[0x11] = quarters >> 2 & 255
        self._registers[0x12] = (quarters & 3) << 6

    def _set(self):
        r = self._registers
        hour = _plain(r[2] & 0x3F)
        if r[2] & 0x40:
            hour = _plain(r[2] & 0x1F) % 12 + (12 if r[2] & 0x20 else 0)
        fields = (
            2000 + _plain(r[6]),
            _plain(r[5] & 0x1F),
            _plain(r[4]),
            hour,
            _plain(r[1]),
            _plain(r[0]),
            0,
            0,
        )
        seconds = int(time.mktime(fields))
        self._shift = seconds - int(time.time())
        self._day = r[3] - 1 - time.gmtime(seconds)[6]
        r[0x0F] &= 0x7F  # OSF
