"""Hitachi HD44780, a display of letters, behind a PCF8574: datasheet ADE-207-272(Z).

Wired as the usual backpacks are: P0 RS, P1 R/W, P2 E, P3 the light, P4 to P7 the data lines.
"""

from . import I2CDevice

_LINES = (0x00, 0x40)  # where they begin in its memory; lines 3 and 4 continue 1 and 2


class Model(I2CDevice):
    BUS = "i2c"
    ADDRESSES = (
        0x27,
        0x26,
        0x25,
        0x24,
        0x23,
        0x22,
        0x21,
        0x20,
        0x3F,
        0x3E,
        0x3D,
        0x3C,
        0x3B,
        0x3A,
        0x39,
        0x38,
    )
    OPTIONS = {"columns": 16, "rows": 2}

    def begin(self):
        self._memory = bytearray(b" " * 0x80)
        self._own = bytearray(64)  # the characters 0 to 7 that a program draws
        self._at = 0
        self._in_own = False
        self._four_bits = False
        self._high = None
        self._step = 1
        self._on = False
        self._port = 0xFF

    def write(self, data):
        for byte in data:
            if self._port & 4 and not byte & 4:  # taken at the fall of E: figure 25
                self._take(self._port >> 4, self._port & 1)
            self._port = byte

    def stop(self):
        self.show()

    def read(self, count):
        # It is read with R/W high: never busy, the address counter below.
        nibble = self._at >> 4 & 7 if self._high is None else self._at & 15
        return bytes((nibble << 4 | self._port & 15,)) * count

    def _take(self, nibble, is_data):
        if not self._four_bits:
            self._run(nibble << 4, is_data)
        elif self._high is None:
            self._high = nibble
        else:
            byte = self._high << 4 | nibble
            self._high = None
            self._run(byte, is_data)

    def _run(self, byte, is_data):
        if is_data:
            if self._in_own:
                self._own[self._at & 63] = byte
            else:
                self._memory[self._at & 127] = byte
            self._at = self._at + self._step & 127
        elif byte & 0x80:
            self._at, self._in_own = byte & 127, False
        elif byte & 0x40:
            self._at, self._in_own = byte & 63, True
        elif byte & 0x20:
            self._four_bits = not byte & 0x10
            self._high = None
        elif byte & 0x10:
            if not byte & 8:
                self._at = self._at + (1 if byte & 4 else -1) & 127
        elif byte & 8:
            self._on = bool(byte & 4)
        elif byte & 4:
            self._step = 1 if byte & 2 else -1
        elif byte & 2:
            self._at, self._in_own = 0, False
        elif byte == 1:
            self._memory[:] = b" " * 0x80
            self._at, self._in_own, self._step = 0, False, 1

    def shown(self):
        lines = []
        for row in range(self.rows):
            start = _LINES[row & 1] + (self.columns if row > 1 else 0)
            cells = self._memory[start : start + self.columns] if self._on else b" " * self.columns
            lines.append("".join([chr(c) if 32 <= c < 127 else "?" for c in cells]))
        return {"kind": "text", "lines": lines, "light": bool(self._port & 8)}
