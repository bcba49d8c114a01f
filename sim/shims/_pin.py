"""``machine.Pin``: an input reads the level at the pin, an output is traced."""

import machine
from _sim import facts, inputs, trace

_ESP32 = facts["port"] == "esp32"
_levels = {}  # what the outputs were set to; it outlives the Pin object, as on a chip
_modes = {}
_pulls = {}
_devices = None
_ON_BOARD = "blocking" in facts  # whether services run, and not their tests
if "devices" in facts:
    import _wiring

    _devices = _wiring.lines


def name(id):
    """The name of a pin: its number as text, or LED and the like. Raises as the chip does."""
    if isinstance(id, Pin):
        return id._id
    known = facts.get("gpio", 0)
    if isinstance(id, str) and known:
        value = facts["named"].get(id)
        if value:
            return value
        id = id.lstrip("GPIO") if not _ESP32 else ""
        if not id.isdigit():
            raise ValueError("invalid pin" if _ESP32 else 'unknown named pin "%s"' % id)
        id = int(id)
    if not known:
        return str(id)
    if not isinstance(id, int) or id < 0 or not known >> id & 1:
        raise ValueError("invalid pin")
    return str(id)


def level(pin):
    """The level at a pin, whatever drives it."""
    if _modes.get(pin, Pin.IN) != Pin.IN:
        value = _levels.get(pin, 0)
        if not value or _modes[pin] == Pin.OUT:
            return value
    if _devices:
        for device in _devices.get(pin, ()):
            value = device.level(pin)
            if value is not None:
                return value
    value = inputs("pins").get(pin)
    if value is not None:
        return value
    # An open input floats; with a pull-up it reads high, as a released open drain does.
    return 1 if _pulls.get(pin) == Pin.PULL_UP or _modes.get(pin) == Pin.OPEN_DRAIN else 0


def drive(pin, value):
    """Set the level of an output, for ``Pin`` and for the buses."""
    if _levels.get(pin) != value:
        _levels[pin] = value
        trace("pin", pin=pin, value=value)
        _notify(pin, value)


def _notify(pin, value):
    if _devices:
        for device in _devices.get(pin, ()):
            device.changed(pin, value)


# Only some firmware has it: the Unix port needs it for its drivers, and a Pico's does not have it.
class Pin(getattr(machine._native, "PinBase", object)):
    IN = 1 if _ESP32 else 0
    OUT = 3 if _ESP32 else 1
    OPEN_DRAIN = 7 if _ESP32 else 2
    PULL_UP = 2 if _ESP32 else 1
    PULL_DOWN = 1 if _ESP32 else 2
    IRQ_RISING = 1 if _ESP32 else 8
    IRQ_FALLING = 2 if _ESP32 else 4
    if not _ESP32:
        ALT = 3
        ALT_SPI, ALT_UART, ALT_I2C, ALT_PWM, ALT_SIO, ALT_PIO0, ALT_PIO1 = 1, 2, 3, 4, 5, 6, 7
        ALT_GPCK, ALT_USB = 8, 9

    _id: str

    def __init__(self, id, mode=-1, pull=-1, *, value=None, **options):
        self._id = name(id)
        self.init(mode, pull, value=value, **options)

    def init(self, mode=-1, pull=-1, *, value=None, **options):
        if options:
            __import__("_peripherals").check_pin(options)
        old = _modes.get(self._id)
        if mode is not None and mode != -1:
            if _ESP32 and mode != Pin.IN and facts.get("input_only", 0) >> int(self._id) & 1:
                raise ValueError("pin can only be input")
            _modes[self._id] = mode
            if _ON_BOARD:
                __import__("_claims").claim(self._id, "Pin.IN" if mode == Pin.IN else "Pin")
        if pull != -1 and (not _ESP32 or __import__("_pin_esp32").has_pulls(self._id, pull)):
            _pulls[self._id] = pull
        if value is not None:
            self._set(value)
        elif old != _modes.get(self._id):
            _notify(self._id, level(self._id))

    def _output(self):
        return _modes.get(self._id, Pin.IN) != Pin.IN

    def _set(self, value):
        drive(self._id, 1 if value else 0)

    def value(self, value=None):
        if value is not None:
            self._set(value)
            return None
        return level(self._id)

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
        import _irq

        return _irq.of(self, *args, **options)

    def __repr__(self):
        return "Pin(%s, mode=%s)" % (self._id, "OUT" if self._output() else "IN")


class _Table:
    """``Pin.board`` or ``Pin.cpu``: the pins by name."""

    def __init__(self, prefixes):
        self._prefixes = prefixes

    def __getattr__(self, text):
        try:
            if text.rstrip("0123456789") in self._prefixes:
                return Pin(text)
        except ValueError:
            pass
        raise AttributeError(text)


if facts.get("gpio"):
    # An ESP32's generic firmware names no pins.
    Pin.board = _Table(() if _ESP32 else ("GP", "LED", "WL_GPIO", "EXT_GPIO"))
    if not _ESP32:
        Pin.cpu = _Table(("GPIO", "EXT_GPIO"))
if _ESP32:
    import _pin_esp32  # noqa: F401
if _devices is not None:
    _wiring.load()
