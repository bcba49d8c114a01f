# ERROR: note is not part of the contract of c
#     call a method; its contract has read
from services.c import C
from torpor import Service


class A(Service):
    c: C

    async def read(self) -> None:
        await self.c.note(None)


# --- services/c/__init__.py
from torpor import Event, Service, on


class Opened(Event):
    at: int


class C(Service):
    async def read(self) -> None:
        pass

    @on(Opened)
    async def note(self, event: Opened) -> None:
        pass
# --- cluster.toml
[cluster]
name = "test"

[boards.box]
type = "RPI_PICO_W"
services = ["a", "c"]

[services.a]
port = 8001

[services.c]
port = 8002
