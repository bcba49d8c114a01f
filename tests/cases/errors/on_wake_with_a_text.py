# ERROR: @on_wake: pin is a number, got '15'
#     write @on_wake(pin=15, level=0)
# ERROR: @on_wake: level is 0 or 1, got 2
from torpor import Service, on_wake


class A(Service):
    @on_wake(pin="15", level=0)
    async def pressed(self) -> None:
        pass

    @on_wake(pin=15, level=2)
    async def held(self) -> None:
        pass
