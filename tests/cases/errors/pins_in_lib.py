# ERROR: lib/lamp.py:5: a RPI_PICO_W has no pin 99
# ERROR: lib/lamp.py:6: a RPI_PICO_W has no pin GP98
# ERROR: lib/lamp.py:7: pin GP3 of a RPI_PICO_W has no analogue input
# ERROR: lib/lamp.py:8: a RPI_PICO_W has no i2c7
# ERROR: services/a/__init__.py:11: a uses pin GP15 of box, which b uses
import through
from machine import Pin

from torpor import Service

_VALVE = Pin(Pin.board.GP15, Pin.OUT)


class A(Service):
    async def start(self) -> None:
        through.lamp.light()
# --- services/b/__init__.py
from valve import Valve

from torpor import Service


class B(Service):
    async def start(self) -> None:
        self._valve = Valve()
# --- lib/through.py
import lamp
# --- lib/valve.py
from machine import Pin


class Valve:
    def __init__(self):
        self.pin = Pin(15, Pin.OUT)
# --- lib/unused.py
from machine import Pin

_NOBODY = Pin(77)
# --- lib/lamp.py
from machine import ADC, I2C, Pin


def light():
    Pin(99, Pin.OUT)
    Pin(Pin.board.GP98, Pin.OUT)
    ADC(Pin("GP3"))
    I2C(7)
