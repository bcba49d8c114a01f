"""``machine.DAC`` of an ESP32 and an ESP32-S2: a voltage that is traced."""

from _bus import table
from _claims import claim
from _pin import name
from _sim import trace


class DAC:
    def __init__(self, pin):
        self._id = name(pin)
        if int(self._id) not in table["dac"]:
            raise ValueError("invalid Pin for DAC")
        claim(self._id, "DAC")
        self.write(0)

    def write(self, value):
        if not 0 <= value <= 255:
            raise ValueError("value out of range")
        trace("dac", pin=self._id, value=value)

    def __repr__(self):
        return "DAC(Pin(%s))" % self._id
