# ERROR: services/a/__init__.py:9: a subscribes to Opened of another board, and box has no port
#     give a service of box a port: it receives events for all
from services.b import Opened
from torpor import Service, on


class A(Service):
    @on(Opened)
    async def note(self, event: Opened) -> None:
        pass


# --- services/b/__init__.py
from torpor import Event, Service


class Opened(Event):
    at: int


class B(Service):
    async def read(self) -> None:
        await self.publish(Opened(at=1))
# --- cluster.toml
[cluster]
name = "test"

[boards.box]
type = "RPI_PICO_W"
services = ["a"]
host = "box.local"

[boards.shed]
type = "RPI_PICO_W"
services = ["b"]
host = "shed.local"

[services.a]
port = false

[services.b]
port = 8002
