"""ADS1115, four voltages at 16 bits: datasheet SBAS444D."""

import struct
import time

from machine import I2C
from micropython import const

_CONVERSION = const(0)
_CONFIG = const(1)
# One conversion against ground, up to 4.096 V, 860 a second, without the comparator: table 8.
_ONCE = const(0xC3E3)
_FULL_V = 4.096


class ADS1115:
    """Measures on request. Two services may use one chip: no conversion waits in the event loop."""

    def __init__(self, i2c: I2C, address: int = 0x48) -> None:
        self._i2c = i2c
        self._address = address

    def volts(self, channel: int) -> float:
        """Return the voltage at an input, 0 to 3. Takes 2 ms. Raises OSError."""
        config = struct.pack(">H", _ONCE | channel << 12)
        self._i2c.writeto_mem(self._address, _CONFIG, config)
        time.sleep_ms(2)
        data = self._i2c.readfrom_mem(self._address, _CONVERSION, 2)
        return float(struct.unpack(">h", data)[0]) * _FULL_V / 32768


def share(volts: float, empty: float, full: float) -> float:
    """Return the position of a voltage between two others, from 0 to 1."""
    return min(max((volts - empty) / (full - empty), 0.0), 1.0)
