# ERROR: Opened is published, but is not an event
#     publish a class that derives from torpor's Event
from typing import TypedDict

from torpor import Service


class Opened(TypedDict):
    at: int


class A(Service):
    async def read(self) -> None:
        await self.publish(Opened(at=1))
