"""``machine.mem8``, ``mem16`` and ``mem32`` of a chip: there are no registers but a few.

A Pico's are the watchdog's control register, and its scratch registers, which outlive a reset. The
built-in objects of these names would read and write the memory of the simulator's process.
"""

import json
import os

from _sim import facts

_PATH = "/.sim/scratch.json"  # the supervisor removes it at power-on
# SCRATCH0 of RP2040 and RP2350
_CONTROLS = (0x40058000, 0x400D8000) if facts["port"] == "rp2" else ()  # CTRL of the watchdog
_BASES = (0x4005800C, 0x400D800C) if facts["port"] == "rp2" else ()


class _Memory:
    def __init__(self, size):
        self._size = size  # bytes

    def _all(self):
        try:
            with open(_PATH) as file:
                return json.load(file)
        except OSError:
            return [0] * 8

    def _offset(self, address):
        """The offset in the scratch registers, in bytes."""
        if address % self._size:
            raise ValueError("address %08x is not aligned to %d bytes" % (address, self._size))
        for base in _BASES:
            if base <= address < base + 32:
                return address - base
        raise NotImplementedError("the simulator has no register at 0x%08x" % address)

    def __getitem__(self, address):
        if address in _CONTROLS:
            return __import__("_wdt").control()
        offset = self._offset(address)
        word = self._all()[offset >> 2] >> 8 * (offset & 3)
        return word & (1 << 8 * self._size) - 1

    def __setitem__(self, address, value):
        if address in _CONTROLS:
            __import__("_wdt").set_control(value)
            return
        offset = self._offset(address)
        values = self._all()
        # A narrow write reaches all lanes of the register: RP2040 datasheet, 2.1.4.
        value &= (1 << 8 * self._size) - 1
        values[offset >> 2] = value * {1: 0x01010101, 2: 0x00010001, 4: 1}[self._size]
        with open(_PATH + ".new", "w") as file:
            json.dump(values, file)
        os.rename(_PATH + ".new", _PATH)


mem8, mem16, mem32 = _Memory(1), _Memory(2), _Memory(4)
