"""Worldsemi WS2812B, a strip of lamps: datasheet WS2812B. Bytes are green, red, blue."""

from . import Device


class Model(Device):
    BUS = "pin"
    PINS = ("pin",)
    OPTIONS = {"count": 8}

    def begin(self):
        self._bytes = bytearray(3 * self.count)

    def bits(self, data):
        """Bytes that the board sends; surplus ones leave the strip at its end."""
        length = min(len(data), len(self._bytes))
        self._bytes[:length] = data[:length]
        self.show()

    def shown(self):
        b = self._bytes
        return {"kind": "pixels", "rgb": [[b[i + 1], b[i], b[i + 2]] for i in range(0, len(b), 3)]}
