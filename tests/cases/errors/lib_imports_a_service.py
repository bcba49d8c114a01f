# ERROR: lib/units.py:3: from services.b import B: a module of lib/ cannot import from a service
import units
from torpor import Service


class A(Service):
    async def read(self) -> int:
        return units.mean()
# --- lib/units.py
import math

from services.b import B


def mean() -> int:
    return math.floor(1.5)
