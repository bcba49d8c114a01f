# ERROR: @on on _note, which is not part of the contract
#     give the method a public name
from torpor import Event, Service, on


class Opened(Event):
    at: int


class A(Service):
    @on(Opened)
    async def _note(self, event: Opened) -> None:
        pass
