# ERROR: services/a/__init__.py:7: a is on box, its peer b on barn
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

[boards.barn]
type = "ESP32_GENERIC"
services = ["b"]

[services.b]
port = 8002
