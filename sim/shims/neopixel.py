"""Stands in for ``neopixel``: a strip of WS2812 lamps."""

from machine import bitstream

_SLOW, _FAST = (800, 1700, 1600, 900), (400, 850, 800, 450)  # ns of 400 and 800 kHz


class NeoPixel:
    ORDER = (1, 0, 2, 3)  # green comes first on the wire

    def __init__(self, pin, n, bpp=3, timing=1):
        self.pin = pin
        self.n = n
        self.bpp = bpp
        self.buf = bytearray(n * bpp)
        self.pin.init(pin.OUT)
        self.timing = (_FAST if timing else _SLOW) if isinstance(timing, int) else timing

    def __len__(self):
        return self.n

    def __setitem__(self, i, v):
        offset = i * self.bpp
        for c in range(self.bpp):
            self.buf[offset + self.ORDER[c]] = v[c]

    def __getitem__(self, i):
        offset = i * self.bpp
        return tuple([self.buf[offset + self.ORDER[c]] for c in range(self.bpp)])

    def fill(self, v):
        for i in range(self.n):
            self[i] = v

    def write(self):
        bitstream(self.pin, 0, self.timing, self.buf)
