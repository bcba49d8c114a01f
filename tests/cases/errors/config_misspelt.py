# ERROR: services/a/__init__.py:7: a reads config period, which is not in [services.a.config]
from torpor import Service


class A(Service):
    async def start(self) -> None:
        self._period = self.config["period"]
# --- cluster.toml
[cluster]
name = "x"

[boards.box]
type = "RPI_PICO_W"
services = ["a"]

[services.a]
port = 8001

[services.a.config]
peroid = 3

[services.b]
port = 8002
