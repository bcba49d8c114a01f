# ERROR: services/a/__init__.py:9: a uses pin 15 of box, which b uses
# ERROR: services/a/__init__.py:10: a RPI_PICO_W has no pin 99
# ERROR: services/a/__init__.py:12: A.output hides what every service has
from torpor import Service


class A(Service):
    async def start(self) -> None:
        self._valve = self.output(15, safe=1)
        self._none = self.output(pin=99)

    async def output(self) -> int:
        return 1


# --- services/b/__init__.py
from machine import Pin

from torpor import Service

_LAMP = Pin(15, Pin.OUT)


class B(Service):
    pass
