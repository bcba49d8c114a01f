"""Maxim DS18B20, a thermometer on one wire: datasheet 19-7487, revision 6.

The wire's protocol is in the shims ``onewire`` and ``ds18x20``, which ask this for its temperature.
"""

from . import Device


class Model(Device):
    BUS = "pin"
    PINS = ("pin",)
    INPUTS = {"temperature": 21.0}
    RANGES = {"temperature": (-55, 125, "°C")}
    OPTIONS = {"rom": "28ff641e8216c3a1"}
