# ERROR: the event Opened is not at the top level of the module
from torpor import Event, Service


class A(Service):
    async def read(self) -> None:
        class Opened(Event):
            at: int
