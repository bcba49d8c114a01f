# ERROR: cluster.toml:4: there is no board type "RPI_PICO"
# ERROR: services/a/__init__.py:10: A.read is public but not async
# ERROR: services/b/__init__.py:5: B.read has no return annotation
# ERROR: cluster.toml:6: box runs c, which has no table [services.c]
# ERROR: cluster.toml:6: the service c has no services/c/__init__.py
from torpor import Service


class A(Service):
    def read(self):
        pass
# --- services/b/__init__.py
from torpor import Service


class B(Service):
    async def read(self):
        pass
# --- cluster.toml
[cluster]
name = "x"

[boards.box]
type = "RPI_PICO"
services = ["a", "b", "c"]

[services.a]
port = 8001

[services.b]
port = 8002
