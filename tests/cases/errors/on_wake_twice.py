# ERROR: pin 4 wakes a.opened already
from torpor import Service, on_wake


class A(Service):
    @on_wake(pin=4, level=0)
    async def opened(self) -> None:
        return None

    @on_wake(pin=4, level=1)
    async def closed(self) -> None:
        return None
