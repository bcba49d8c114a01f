"""Events: what is left of their class, of a handler and of what publishes them."""

from torpor import Event, Service, on
from services.doors import DoorClosed


class DoorOpened(Event):
    """A door."""

    fridge: str
    at: int = 0


class Alerts(Service):
    @on(DoorClosed)
    async def note(self, event: DoorClosed) -> None:
        await self.publish(DoorOpened(fridge="é" + event.fridge, at=event.at)); self.n = 1
        await self.publish(
            DoorOpened(
                fridge="x",
            ),
            wait=True,
        )
        if await self.read():
            await self.publish(DoorClosed(fridge="x"), wait=False)


class Book:
    async def keep(self, row):
        await self.publish(row)


class Quick(Service):
    @on(
        DoorClosed,
    )
    async  def note(self, event: DoorClosed) -> None:
        self.n = 2
