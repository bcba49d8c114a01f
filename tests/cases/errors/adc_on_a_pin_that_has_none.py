# ERROR: services/a/__init__.py:14: pin 22 of a RPI_PICO_W has no analogue input
# ERROR: services/a/__init__.py:15: pin 21 of a RPI_PICO_W has no analogue input
# ERROR: services/a/__init__.py:16: pin 3 of a RPI_PICO_W has no analogue input
from machine import ADC, Pin

from torpor import Service

_SOIL = 22


class A(Service):
    async def start(self) -> None:
        self._air = ADC(26).read_u16() + ADC(ADC.CORE_TEMP).read_u16()
        self._soil = ADC(_SOIL)
        self._light = ADC(Pin(21))
        self._rain = ADC(Pin(3)).read_u16() + ADC(3).read_u16()
