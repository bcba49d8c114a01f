"""Names of ``machine.Pin`` that only an ESP32 has."""

from _pin import Pin
from _sim import facts, time

_PULLS = {Pin.PULL_UP: ("gpio_pullup_en", "PU"), Pin.PULL_DOWN: ("gpio_pulldown_en", "PD")}
_CONSTANTS = {"WAKE_LOW": 4, "WAKE_HIGH": 5, "DRIVE_0": 0, "DRIVE_1": 1, "DRIVE_2": 2, "DRIVE_3": 3}

for _name in _CONSTANTS:
    setattr(Pin, _name, _CONSTANTS[_name])


def has_pulls(pin, pull):
    """Whether a pin has resistors. If not, ESP-IDF prints an error, and MicroPython continues."""
    if not _is_input_only(pin):
        return True
    if pull in _PULLS:
        line = "E (%d) gpio: %s: GPIO number error (input-only pad has no internal %s)"
        print(line % ((time.ticks_ms(),) + _PULLS[pull]))
    return False


def check_output(pin, *error):
    """Raise ``OSError(*error)`` if a pin can only be an input."""
    if pin is not None and _is_input_only(pin):
        raise OSError(*error)


def _is_input_only(pin):
    return bool(facts.get("input_only", 0) >> int(pin) & 1)
