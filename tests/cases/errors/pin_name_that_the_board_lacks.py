# ERROR: services/a/__init__.py:10: a RPI_PICO_W has no pin NOSE
from machine import Pin

from torpor import Service


class A(Service):
    async def start(self) -> None:
        self._led = Pin("LED", Pin.OUT)
        self._nose = Pin("NOSE", Pin.OUT)
