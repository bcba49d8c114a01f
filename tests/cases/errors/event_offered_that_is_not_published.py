# ERROR: cluster.toml:11: a publishes no event Opend, so it cannot offer it
# ERROR: cluster.toml:11: a publishes no event Closed, so it cannot offer it
# ERROR: cluster.toml:14: b offers events, but has no port, so no program can receive them
#     did you mean "Opened"?
#     it publishes Opened
#     give it a port, or remove `events`
from torpor import Event, Service, get


class Opened(Event):
    at: int


class A(Service):
    @get("/open")
    async def read(self) -> None:
        await self.publish(Opened(at=1))


# --- services/b/__init__.py
from services.a import Opened
from torpor import Service


class B(Service):
    async def open_it(self) -> None:
        await self.publish(Opened(at=1))
# --- cluster.toml
[cluster]
name = "test"

[boards.box]
type = "RPI_PICO_W"
services = ["a", "b"]

[services.a]
port = 8001
# a comment
events = ["Opend", "Closed"]

[services.b]
events = ["Opened"]
port = false
