# ERROR: services/a/__init__.py:22: none is called with only the event Opened, and returns nothing
# ERROR: services/a/__init__.py:26: another is called with only the event Opened
# ERROR: services/a/__init__.py:30: two is called with only the event Opened
# ERROR: services/a/__init__.py:34: result is called with only the event Opened
#     write async def result(self, event: Opened) -> None
# ERROR: services/a/__init__.py:39: routed has @on and another decorator
# ERROR: services/a/__init__.py:43: @on takes an event and durable, not often=True
from torpor import Event, Service, get, on


class Opened(Event):
    at: int


class Closed(Event):
    at: int


class A(Service):

    @on(Opened)
    async def none(self) -> None:
        pass

    @on(Opened)
    async def another(self, event: Closed) -> None:
        pass

    @on(Opened)
    async def two(self, event: Opened, more: int = 1) -> None:
        pass

    @on(Opened)
    async def result(self, event: Opened) -> int:
        return 1

    @on(Opened)
    @get("/opened")
    async def routed(self, event: Opened) -> None:
        pass

    @on(Opened, often=True)
    async def often(self, event: Opened) -> None:
        pass
