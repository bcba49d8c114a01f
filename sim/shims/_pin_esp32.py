"""Names of ``machine.Pin`` that only an ESP32 has."""

from _pin import Pin

_CONSTANTS = {"WAKE_LOW": 4, "WAKE_HIGH": 5, "DRIVE_0": 0, "DRIVE_1": 1, "DRIVE_2": 2, "DRIVE_3": 3}

for _name in _CONSTANTS:
    setattr(Pin, _name, _CONSTANTS[_name])
