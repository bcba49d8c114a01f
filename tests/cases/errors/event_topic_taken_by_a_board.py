# ERROR: cluster.toml:4: a board with a mailbox cannot be called events: the cluster has such a topic
#     give it another name
from torpor import Service, get


class A(Service):
    @get("/a")
    async def read(self) -> int:
        return 1


# --- cluster.toml
[cluster]
name = "test"

[boards.events]
type = "RPI_PICO_W"
services = ["a", "b"]
mailbox = true

[mailbox]
url = "mqtt://localhost:1883"

[services.a]
port = 8001

[services.b]
port = 8002
