# ERROR: cluster.toml:6: the service c has no services/c/__init__.py
from torpor import Service


class A(Service):
    pass
# --- services/c.py
x = 1
# --- cluster.toml
[cluster]
name = "x"

[boards.box]
type = "RPI_PICO_W"
services = ["a", "c"]

[services.a]
port = 8001

[services.c]
port = 8002
