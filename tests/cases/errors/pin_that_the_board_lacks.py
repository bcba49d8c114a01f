# ERROR: services/a/__init__.py:6: a RPI_PICO_W has no pin 99
from machine import Pin

from torpor import Service

_LAMP = Pin(99, Pin.OUT)


class A(Service):
    pass
