# ERROR: services/a/__init__.py:7: b starts on request to its port; a calls it as a peer
from torpor import Service
from services.b import B


class A(Service):
    b: B
# --- cluster.toml
[cluster]
name = "x"

[boards.box]
type = "RPI_PICO_W"
services = ["a", "b"]

[services.a]
port = 8001

[services.b]
port = 8002
start = "on-request"
