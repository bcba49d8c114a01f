"""Events: what is left of their class, of a handler and of what publishes them."""

from torpor import Service










class Alerts(Service):

    async def note(self, event: DoorClosed) -> None:
        await self.publish_DoorOpened(self.event_DoorOpened("é" + event.fridge, event.at)); self.n = 1
        await self.reach_DoorOpened(self.event_DoorOpened
(
                fridge="x",
            )

)
        if await self.read():
            await self.publish_DoorClosed(self.event_DoorClosed(fridge="x"))


class Book:
    async def keep(self, row):
        await self.publish(row)


class Quick(Service):



    def note(self, event: DoorClosed) -> None:
        self.n = 2
