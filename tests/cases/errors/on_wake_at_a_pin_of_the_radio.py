# ERROR: pin 23 cannot wake box, a RPI_PICO_W
from torpor import Service, on_wake


class A(Service):
    @on_wake(pin=23, level=0)
    async def opened(self) -> None:
        return None
