# ERROR: services/a/__init__.py:10: rows is not part of the contract of c
from torpor import Service
from services.c import C


class A(Service):
    c: C

    async def read(self) -> list:
        return self.c.rows
# --- services/c/__init__.py
from torpor import Service


class C(Service):
    async def start(self) -> None:
        self.rows = []
# --- cluster.toml
[cluster]
name = "x"

[boards.box]
type = "RPI_PICO_W"
services = ["a", "c"]

[services.a]
port = 8001

[services.c]
port = false
