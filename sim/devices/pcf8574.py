"""NXP PCF8574, eight pins on two wires: datasheet PCF8574, revision 5.

A pin that is set high is a weak pull-up, so it can be read; an input is 0 or 1 at its pin.
"""

from . import I2CDevice


class Model(I2CDevice):
    BUS = "i2c"
    ADDRESSES = (
        0x20,
        0x21,
        0x22,
        0x23,
        0x24,
        0x25,
        0x26,
        0x27,
        0x38,
        0x39,
        0x3A,
        0x3B,
        0x3C,
        0x3D,
        0x3E,
        0x3F,
    )
    INPUTS = {"p0": 1, "p1": 1, "p2": 1, "p3": 1, "p4": 1, "p5": 1, "p6": 1, "p7": 1}
    RANGES = {"*": (0, 1)}

    def begin(self):
        self._port = 0xFF

    def write(self, data):
        for byte in data:
            self._port = byte
        if data:
            self.show()

    def read(self, count):
        outside = sum([(1 if self.sense("p%d" % i) else 0) << i for i in range(8)])
        return bytes((self._port & outside,)) * count

    def shown(self):
        return {"kind": "pins", "levels": [self._port >> i & 1 for i in range(8)]}
