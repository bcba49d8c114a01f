"""Microchip MCP23017, sixteen pins on two wires: datasheet DS20001952. Its interrupts are missing.

Registers are taken in the order that they have after a reset (IOCON.BANK = 0).
"""

from . import RegisterDevice

_DIRECTION, _POLARITY, _CONTROL, _PULL, _LEVEL, _LATCH = 0x00, 0x02, 0x0A, 0x0C, 0x12, 0x14


class Model(RegisterDevice):
    BUS = "i2c"
    ADDRESSES = (0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27)
    # None: nothing is connected, and the pull-up decides.
    INPUTS = {
        "a0": None, "a1": None, "a2": None, "a3": None,
        "a4": None, "a5": None, "a6": None, "a7": None,
        "b0": None, "b1": None, "b2": None, "b3": None,
        "b4": None, "b5": None, "b6": None, "b7": None,
    }  # fmt: skip
    RANGES = {"*": (0, 1)}

    def begin(self):
        self._at = 0
        self._registers = bytearray(0x16)
        self._registers[0] = self._registers[1] = 0xFF

    def after(self, register):
        if self._registers[_CONTROL] & 0x20:  # SEQOP: it stays, or goes to the other port
            return register ^ 1
        return (register + 1) % 0x16

    def put(self, register, byte):
        if register < 0x16:
            if register in (_LEVEL, _LEVEL + 1):
                register += 2  # writing the port writes its latch
            if register in (_CONTROL, _CONTROL + 1):
                self._registers[_CONTROL] = self._registers[_CONTROL + 1] = byte
            self._registers[register] = byte
            if register >= _LATCH or register < 2:
                self.show()

    def get(self, register):
        if register in (_LEVEL, _LEVEL + 1):
            return self._port(register - _LEVEL)
        return self._registers[register] if register < 0x16 else 0

    def _port(self, port):
        registers = self._registers
        inputs = registers[_DIRECTION + port]
        value = registers[_LATCH + port] & ~inputs
        for bit in range(8):
            if inputs >> bit & 1:
                level = self.sense("ab"[port] + str(bit))
                if level is None:
                    level = registers[_PULL + port] >> bit & 1
                value |= ((1 if level else 0) ^ (registers[_POLARITY + port] >> bit & 1)) << bit
        return value

    def shown(self):
        levels = self._port(0) | self._port(1) << 8
        return {"kind": "pins", "levels": [levels >> i & 1 for i in range(16)]}
