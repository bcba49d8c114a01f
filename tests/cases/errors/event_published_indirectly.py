# ERROR: services/a/__init__.py:21: the build cannot read this self.publish
# ERROR: services/a/__init__.py:20:17: Opened is an event, which exists only where it is published
# ERROR: services/a/__init__.py:22: the build cannot read this self.publish
# ERROR: services/a/__init__.py:23: the build cannot read this self.publish
# ERROR: services/a/__init__.py:24: Opened(...) must name its fields
# ERROR: services/a/__init__.py:25: publish takes an event and wait, not wait=1 > 0
#     write await self.publish(Event(field=...)), with the event constructed in the call
from torpor import Event, Service


class Opened(Event):
    at: int


class A(Service):



    async def read(self) -> None:
        event = Opened(at=1)
        await self.publish(event)
        self.spawn(self.publish, 3)
        self.publish(Opened(at=1))
        await self.publish(Opened(1))
        await self.publish(Opened(at=1), wait=1 > 0)
