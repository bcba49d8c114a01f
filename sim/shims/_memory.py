"""``machine.mem8``, ``mem16`` and ``mem32`` of a chip: only a few registers exist.

A Pico's are those of the watchdog: CTRL, REASON, and scratch registers that outlive a reset. The
built-in objects of these names would read and write the memory of the simulator's process.
"""

from _sim import facts

_PATH = "/.sim/scratch.bin"  # the supervisor removes it at power-on
# SCRATCH0 of RP2040 and RP2350
_CONTROLS = (0x40058000, 0x400D8000) if facts["port"] == "rp2" else ()  # CTRL of the watchdog
_BASES = (0x4005800C, 0x400D800C) if facts["port"] == "rp2" else ()
_REASONS = {"watchdog": 1, "reset": 2}  # TIMER and FORCE: RP2040 datasheet, 4.7.6
_LANES = {1: 0x01010101, 2: 0x00010001, 4: 1}

_file = None  # stays open, as a program may write a register with each request


def _opened():
    global _file
    if _file is None:
        try:
            _file = open(_PATH, "r+b")
        except OSError:
            with open(_PATH, "wb") as file:
                file.write(bytes(32))
            _file = open(_PATH, "r+b")
    return _file


class _Memory:
    def __init__(self, size):
        self._size = size  # bytes

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
        if address + 4 in _BASES:
            return _REASONS.get(facts["reset_cause"], 0)
        offset = self._offset(address)
        file = _opened()
        file.seek(offset & ~3)
        word = int.from_bytes(file.read(4), "little") >> 8 * (offset & 3)
        return word & (1 << 8 * self._size) - 1

    def __setitem__(self, address, value):
        if address in _CONTROLS:
            __import__("_wdt").set_control(value)
            return
        offset = self._offset(address)
        # A narrow write reaches all lanes of the register: RP2040 datasheet, 2.1.4.
        value = (value & (1 << 8 * self._size) - 1) * _LANES[self._size]
        file = _opened()
        file.seek(offset & ~3)
        file.write(value.to_bytes(4, "little"))


mem8, mem16, mem32 = _Memory(1), _Memory(2), _Memory(4)
