# ERROR: A.note handles events and must not be called
#     move its code into a private method, and call that in both places
from torpor import Event, Service, on


class Opened(Event):
    at: int


class A(Service):
    async def read(self) -> None:
        self.spawn(self.note, 3)

    @on(Opened)
    async def note(self, event: Opened) -> None:
        pass
