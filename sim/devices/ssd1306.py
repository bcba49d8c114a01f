"""Solomon Systech SSD1306, a display of up to 128 by 64 dots: datasheet SSD1306, revision 1.1.

The glass is mounted as on the usual modules, upright with segments remapped (A1) and rows scanned
from the end (C8).
"""

import framebuf

from . import I2CDevice

_COLUMNS, _PAGES = 128, 8
_ARGUMENTS = {  # bytes that follow a command: table 9
    0x20: 1, 0x21: 2, 0x22: 2, 0x26: 6, 0x27: 6, 0x29: 5, 0x2A: 5, 0x81: 1, 0x8D: 1, 0xA3: 2,
    0xA8: 1, 0xD3: 1, 0xD5: 1, 0xD9: 1, 0xDA: 1, 0xDB: 1,
}  # fmt: skip


class Model(I2CDevice):
    BUS = "i2c"
    ADDRESSES = (0x3C, 0x3D)
    OPTIONS = {"width": 128, "height": 64}

    def begin(self):
        self._ram = bytearray(_COLUMNS * _PAGES)
        self._mode = 2
        self._columns = [0, _COLUMNS - 1]
        self._pages = [0, _PAGES - 1]
        self._column = self._page = 0
        self._on = self._all = self._inverted = self._remap = self._reverse = False
        self._line = 0
        self._pending = b""
        self._drawn = True

    def write(self, data):
        # Control bytes: Co (one byte follows, then a control byte again) and D/C: chapter 8.1.5.2.
        at = 0
        while at + 1 < len(data):
            control = data[at]
            end = at + 2 if control & 0x80 else len(data)
            if control & 0x40:
                self.draw(data[at + 1 : end])
            else:
                for byte in data[at + 1 : end]:
                    self.command(byte)
            at = end

    def stop(self):
        if not self._drawn:
            self._drawn = True
            self.show()

    def command(self, byte):
        self._pending += bytes((byte,))
        code = self._pending[0]
        if len(self._pending) <= _ARGUMENTS.get(code, 0):
            return
        arguments, self._pending = self._pending[1:], b""
        if code < 0x10:
            self._column = self._column & 0xF0 | code
        elif code < 0x20:
            self._column = self._column & 0x0F | (code & 7) << 4
        elif code == 0x20:
            self._mode = arguments[0] & 3
        elif code == 0x21:
            self._columns = [arguments[0] & 127, arguments[1] & 127]
            self._column = self._columns[0]
        elif code == 0x22:
            self._pages = [arguments[0] & 7, arguments[1] & 7]
            self._page = self._pages[0]
        elif 0x40 <= code < 0x80:
            self._line = code & 63
        elif code in (0xA0, 0xA1):
            self._remap = code == 0xA1
        elif code in (0xA4, 0xA5):
            self._all = code == 0xA5
        elif code in (0xA6, 0xA7):
            self._inverted = code == 0xA7
        elif code in (0xAE, 0xAF):
            self._on = code == 0xAF
        elif 0xB0 <= code < 0xB8:
            self._page = code & 7
        elif code in (0xC0, 0xC8):
            self._reverse = code == 0xC8
        self._drawn = False

    def draw(self, data):
        for byte in data:
            self._ram[self._page * _COLUMNS + self._column] = byte
            self._advance()
        self._drawn = False

    def _advance(self):
        if self._mode == 1:  # vertical
            self._page += 1
            if self._page > self._pages[1]:
                self._page = self._pages[0]
                self._column += 1
                if self._column > self._columns[1]:
                    self._column = self._columns[0]
            return
        self._column += 1
        if self._mode == 2:  # one page
            self._column &= _COLUMNS - 1
        elif self._column > self._columns[1]:
            self._column = self._columns[0]
            self._page += 1
            if self._page > self._pages[1]:
                self._page = self._pages[0]

    def shown(self):
        """The dots as rows of bits, the leftmost in the highest bit."""
        size = (self.width + 7) // 8 * self.height
        if not self._on or self._all:
            byte = b"\xff" if self._on else b"\x00"
            return self._frame(byte * size)
        source = framebuf.FrameBuffer(self._ram, _COLUMNS, 8 * _PAGES, framebuf.MONO_VLSB)
        rows = bytearray(size)
        target = framebuf.FrameBuffer(rows, self.width, self.height, framebuf.MONO_HLSB)
        left = (_COLUMNS - self.width) // 2  # narrow glass uses the middle columns
        if self._remap and self._reverse and not self._line:
            target.blit(source, -left, 0)
        else:
            for y in range(self.height):
                for x in range(self.width):
                    column = left + x if self._remap else _COLUMNS - 1 - left - x
                    row = y if self._reverse else self.height - 1 - y
                    target.pixel(x, y, source.pixel(column, (row + self._line) & 63))
        if self._inverted:
            for i in range(size):
                rows[i] ^= 0xFF
        return self._frame(rows)

    def _frame(self, rows):
        return {"kind": "frame", "width": self.width, "height": self.height, "hex": rows.hex()}
