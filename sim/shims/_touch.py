"""``machine.TouchPad``: shows the value that the inputs file has for its pin, under ``adc``."""

from _bus import table
from _claims import claim
from _pin import name
from _sim import facts, inputs

# The value of a pad that nobody touches: an ESP32's falls when it is touched, the others' rise.
_IDLE = 1000 if facts["chip"] == "ESP32" else 25_000


class TouchPad:
    def __init__(self, pin):
        self._id = name(pin)
        if int(self._id) not in table["touch"]:
            raise ValueError("invalid pin for touchpad")
        claim(self._id, "TouchPad")

    def read(self):
        return inputs("adc").get(self._id, _IDLE)

    def config(self, value):
        self._threshold = int(value)
