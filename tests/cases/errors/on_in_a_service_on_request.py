# ON REQUEST: a
# ERROR: a starts on request and is unloaded afterwards, but note subscribes to Opened
#     in cluster.toml, let it start at "boot"
from torpor import Event, Service, on


class Opened(Event):
    at: int


class A(Service):
    @on(Opened)
    async def note(self, event: Opened) -> None:
        pass
