"""Stands in for ``ds18x20``: probes that follow the inputs file as the real ones follow heat.

A probe's value is a number of degrees Celsius, ``{"base": 5, "amplitude": 1, "period_s": 600}`` (a
sine over the wall clock), ``"crc"`` (its answers are garbled) or null (cut off).
"""

import math
import time

import _sim

_CONVERSION_MS = 750
_POWER_ON = 85.0  # what a probe holds until its first conversion
_LOW, _HIGH = -55.0, 125.0


def _celsius(value):
    if isinstance(value, dict):
        angle = 2 * math.pi * (time.time() % value["period_s"]) / value["period_s"]
        value = value["base"] + value["amplitude"] * math.sin(angle)
    # Held in sixteenths of a degree.
    return round(min(max(value, _LOW), _HIGH) * 16) / 16


class DS18X20:
    def __init__(self, onewire):
        self.ow = onewire
        self._done = {}  # rom -> the result of its last conversion
        self._next = {}  # rom -> the result of the conversion that runs
        self._since = 0

    def scan(self):
        return [rom for rom in self.ow.scan() if rom[0] in (0x10, 0x22, 0x28)]

    def convert_temp(self):
        self.ow.reset(True)
        self._settle()
        probes = self.ow._probes()
        self._next = {rom: _celsius(probes[rom]) for rom in probes if probes[rom] != "crc"}
        self._since = _sim.ticks()

    def _settle(self):
        if self._next and time.ticks_diff(_sim.ticks(), self._since) >= _CONVERSION_MS:
            self._done.update(self._next)
            self._next = {}

    def read_temp(self, rom):
        self.ow.reset(True)
        self._settle()
        name = bytes(rom).hex()
        probes = self.ow._probes()
        if name not in probes or probes[name] == "crc":
            raise Exception("CRC error")
        if rom[0] not in (0x10, 0x22, 0x28):
            return None
        return self._done.get(name, _POWER_ON)
