"""``machine.Pin``: an input shows the value that the inputs file has, an output is traced."""

import machine
from _sim import facts, inputs, trace

_ESP32 = facts["port"] == "esp32"
_levels = {}  # what the outputs were set to; it outlives the Pin object, as on a chip
_modes = {}
_pulls = {}


# Only some firmware has it: the Unix port needs it for its drivers, a Pico's does without.
class Pin(getattr(machine._native, "PinBase", object)):
    IN = 1 if _ESP32 else 0
    OUT = 3 if _ESP32 else 1
    OPEN_DRAIN = 7 if _ESP32 else 2
    PULL_UP = 2 if _ESP32 else 1
    PULL_DOWN = 1 if _ESP32 else 2
    IRQ_RISING = 1 if _ESP32 else 8
    IRQ_FALLING = 2 if _ESP32 else 4
    if _ESP32:
        WAKE_LOW = 4
        WAKE_HIGH = 5

    _id: str

    def __init__(self, id, mode=None, pull=None, *, value=None, **options):
        if isinstance(id, Pin):
            id = id._id
        self._id = str(id)
        self.init(mode, pull, value=value)

    def init(self, mode=None, pull=None, *, value=None, **options):
        if mode is not None:
            _modes[self._id] = mode
        if pull is not None:
            _pulls[self._id] = pull
        if value is not None:
            self._set(value)

    def _output(self):
        return _modes.get(self._id, Pin.IN) != Pin.IN

    def _set(self, value):
        value = 1 if value else 0
        if _levels.get(self._id) != value:
            _levels[self._id] = value
            trace("pin", pin=self._id, value=value)

    def value(self, value=None):
        if value is not None:
            self._set(value)
            return None
        if self._output():
            return _levels.get(self._id, 0)
        # An open input floats; with its pull-up it reads high.
        return inputs("pins").get(self._id, 1 if _pulls.get(self._id) == Pin.PULL_UP else 0)

    __call__ = value

    def on(self):
        self._set(1)

    def off(self):
        self._set(0)

    def toggle(self):
        self._set(not _levels.get(self._id, 0))

    if not _ESP32:
        high = on
        low = off

    def irq(self, *args, **options):
        raise NotImplementedError("the simulator has no pin interrupts yet: poll value() instead")

    def __repr__(self):
        return "Pin(%s, mode=%s)" % (self._id, "OUT" if self._output() else "IN")
