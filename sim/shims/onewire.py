"""Stands in for ``onewire``: a bus with the probes that the inputs file has.

A probe's value is a number of degrees Celsius, ``{"base": 5, "amplitude": 1, "period_s": 600}`` (a
sine over the wall clock), ``"crc"`` (its answers are garbled) or null (cut off).
"""

import math
import time

import _sim
from _pin import _devices
from _sim import inputs

_CONVERSION_MS = 750
_POWER_ON = 85.0  # what a probe holds until its first conversion
_LOW, _HIGH = -55.0, 125.0
_BITS = ("readbit", "readbyte", "readinto", "writebit", "writebyte", "write", "select_rom")


class OneWireError(Exception):
    pass


def _celsius(value):
    if isinstance(value, dict):
        angle = 2 * math.pi * (time.time() % value["period_s"]) / value["period_s"]
        value = value["base"] + value["amplitude"] * math.sin(angle)
    # Held in sixteenths of a degree.
    return round(min(max(value, _LOW), _HIGH) * 16) / 16


class OneWire:
    SEARCH_ROM = 0xF0
    MATCH_ROM = 0x55
    SKIP_ROM = 0xCC

    def __init__(self, pin):
        self.pin = pin
        self._line = None  # the wire bit by bit, if the program uses it so
        self._done = {}  # rom -> the result of its last conversion
        self._next = {}  # rom -> the result of the conversion that runs
        self._since = 0

    def __getattr__(self, name):
        # Loaded when first used, to leave the heap to the program.
        if name in _BITS or name == "crc8":
            import _wire

            if self._line is None:
                self._line = _wire.Line(self)
            return getattr(self._line, name)
        raise AttributeError(name)

    def _probes(self):
        """ROM in hex -> its value in the inputs file, without those that are cut off."""
        probes = inputs("probes")
        found = {rom: probes[rom] for rom in probes if probes[rom] is not None}
        if _devices:
            import _wiring

            found.update(_wiring.probes(self.pin._id))
        return found

    def _convert(self, roms):
        self._settle()
        probes = self._probes()
        self._next.update({r: _celsius(probes[r]) for r in roms if probes.get(r, "crc") != "crc"})
        self._since = _sim.ticks()

    def _settle(self):
        """Finish a conversion whose time is over. Return whether no other runs."""
        if self._next and time.ticks_diff(_sim.ticks(), self._since) >= _CONVERSION_MS:
            self._done.update(self._next)
            self._next = {}
        return not self._next

    def _held(self, rom):
        """Return the last measurement of a probe."""
        self._settle()
        return self._done.get(rom, _POWER_ON)

    def reset(self, required=False):
        present = bool(self._probes())
        if required and not present:
            raise OneWireError
        if self._line:
            self._line.reset()
        return present

    def scan(self):
        return [bytearray(bytes.fromhex(rom)) for rom in sorted(self._probes())]
