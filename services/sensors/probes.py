"""DS18X20 thermometers that share one wire."""

from ds18x20 import DS18X20
from machine import Pin
from onewire import OneWire, OneWireError

CONVERSION_MS = 750  # at the 12 bits that a probe powers up with (DS18B20 datasheet, table 2)
_POWER_ON = 85.0  # what a probe reads until its first conversion


class Probes:
    """The probes on a pin, each known by its ROM code."""

    def __init__(self, pin: int) -> None:
        self._bus = DS18X20(OneWire(Pin(pin)))

    def convert(self) -> bool:
        """Make all probes measure; ``read`` returns the results ``CONVERSION_MS`` later.

        Returns whether any probe is present.
        """
        try:
            self._bus.convert_temp()
        except OneWireError:
            return False
        return True

    def read(self, rom: bytes) -> float | None:
        """Degrees Celsius of the last conversion; None if that probe does not answer."""
        try:
            celsius = self._bus.read_temp(rom)
        except Exception:  # ds18x20 raises no other class for the checksum of an absent probe
            return None
        return None if celsius == _POWER_ON else celsius
