# ERROR: services/a/__init__.py:7: a starts on request and is given back after it, but it starts a task here
from torpor import Service


class A(Service):
    async def start(self) -> None:
        self.spawn(self.watch)

    async def watch(self) -> None:
        return None
# --- cluster.toml
[cluster]
name = "x"

[boards.box]
type = "RPI_PICO_W"
services = ["a"]

[services.a]
port = 8001
start = "on-request"

[services.b]
port = 8002
