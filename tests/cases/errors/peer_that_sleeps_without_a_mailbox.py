# ERROR: a/__init__.py:8: house calls b on shed, which sleeps
#     add a [mailbox] to cluster.toml
from services.b import B
from torpor import Service


class A(Service):
    b: B

    async def read(self) -> list[int]:
        return await self.b.newest("fridge-1")


# --- cluster.toml
[cluster]
name = "test"

[boards.house]
type = "RPI_PICO_W"
services = ["a"]

[boards.shed]
type = "ESP32_GENERIC"
services = ["b"]

[boards.shed.power]
policy = "deep"
wake_every = "5m"

[services.a]
port = 8001

[services.b]
port = 8002

# --- secrets.toml
[cluster]
keys = ["0000000000000000000000000000000000000000000000000000000000000001"]
