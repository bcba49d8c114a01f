# ERROR: services/a/__init__.py:6: numbers: [metrics] of cluster.toml serves /metrics of this service
from torpor import Service, get


class A(Service):
    @get("/metrics")
    async def numbers(self) -> dict:
        return {}
# --- cluster.toml
[cluster]
name = "test"

[boards.box]
type = "RPI_PICO_W"
services = ["b", "a"]

[services.b]
port = 8001

[services.a]
port = 8002

[metrics]
service = "a"
