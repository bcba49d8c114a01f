# ERROR: services/a/__init__.py:5: a starts on request and is given back after it, but it has a store
from torpor import Service


class A(Service):
    async def start(self) -> None:
        self.rows = self.store.table("rows")
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
