# ERROR: services/a/__init__.py:10: pin 4 of a RPI_PICO_W cannot be i2c0.scl
# ERROR: services/a/__init__.py:11: a RPI_PICO_W has no spi2
from machine import I2C, SPI, Pin

from torpor import Service


class A(Service):
    async def start(self) -> None:
        self._bus = I2C(0, scl=Pin(4), sda=Pin(0))
        self._display = SPI(2)
