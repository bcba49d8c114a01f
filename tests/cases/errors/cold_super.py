# ERROR: super() does not work in a method that is loaded when it is called
from torpor import Service
from torpor.cold import cold


class A(Service):
    @cold
    async def start(self) -> None:
        await super().start()
