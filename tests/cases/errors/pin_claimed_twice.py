# ERROR: services/a/__init__.py:11: a uses pin 15 of box, which b uses
from machine import I2C, Pin

from torpor import Service


class A(Service):
    async def start(self) -> None:
        self._bus = I2C(0, scl=Pin(5), sda=Pin(4))
        self._button = Pin(7, Pin.IN)
        self._valve = Pin(15, Pin.OUT)


# --- services/b/__init__.py
from machine import I2C, PWM, Pin

from torpor import Service

_LAMP = PWM(Pin(15), freq=1000)


class B(Service):
    async def start(self) -> None:
        self._bus = I2C(0, scl=Pin(5), sda=Pin(4))
        self._button = Pin(7, Pin.IN)
