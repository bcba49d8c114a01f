# ERROR: services/a/__init__.py:6: a starts on request and is given back after it, but opened runs at a pin
from torpor import Service, on_wake


class A(Service):
    @on_wake(pin=4, level=0)
    async def opened(self) -> None:
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
