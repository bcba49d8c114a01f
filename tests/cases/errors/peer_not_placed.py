# ERROR: services/a/__init__.py:7: a needs b, which is not on any board
from torpor import Service
from services.b import B


class A(Service):
    b: B
# --- cluster.toml
[cluster]
name = "x"

[boards.box]
type = "RPI_PICO_W"
services = ["a"]

[services.a]
port = 8001

[services.b]
port = 8002
