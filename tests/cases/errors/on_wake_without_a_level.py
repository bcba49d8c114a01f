# ERROR: @on_wake needs a pin and the level that wakes the board
from torpor import Service, on_wake


class A(Service):
    @on_wake(pin=4)
    async def opened(self) -> None:
        return None
