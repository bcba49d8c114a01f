# ERROR: services/a/__init__.py:17: @on(Row): Row is not an event
# ERROR: services/a/__init__.py:21: @on needs an event
# ERROR: services/a/__init__.py:25: @on('/path'): '/path' is not an event
#     write @on(Event) above read, with a class that derives from Event
from typing import TypedDict

from torpor import Service, on


class Row(TypedDict):
    at: int


class A(Service):

    @on(Row)
    async def read(self, event: Row) -> None:
        pass

    @on
    async def every(self, event: Row) -> None:
        pass

    @on("/path")
    async def path(self) -> None:
        pass
