# ERROR: cluster.toml:8: box calls b on barn, where nothing listens
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

[boards.barn]
type = "ESP32_GENERIC"
services = ["b"]

[services.a]
port = 8001

[services.b]
port = false
