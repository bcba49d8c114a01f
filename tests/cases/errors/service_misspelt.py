# ERROR: cluster.toml:6: box runs bel, which has no table [services.bel]
#     did you mean "bell"?
from services.bell import Bell
from torpor import Service


class A(Service):
    bell: Bell
# --- services/bell/__init__.py
from torpor import Service


class Bell(Service):
    pass
# --- cluster.toml
[cluster]
name = "x"

[boards.box]
type = "RPI_PICO_W"
services = ["a", "bel"]

[services.a]
port = 8001

[services.bell]
port = 8002
