# ERROR: services/a/__init__.py:4: the event Opened is imported as Door
#     import it under its own name
from torpor import Service, on
from services.b import Opened as Door


class A(Service):
    @on(Door)
    async def note(self, event: Door) -> None:
        pass


# --- services/b/__init__.py
from torpor import Event, Service


class Opened(Event):
    at: int


class B(Service):
    pass
