# ERROR: services/a/__init__.py:7: a starts on request and is given back after it, but read runs on a schedule
from torpor import Service, every


class A(Service):
    @every(seconds=5)
    async def read(self) -> None:
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
