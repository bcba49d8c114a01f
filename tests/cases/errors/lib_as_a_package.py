# ERROR: MicroPython has no module lib
#     a module of lib/ has its plain name: import air
from lib.air import LIMIT
from torpor import Service


class A(Service):
    async def limit(self) -> int:
        return LIMIT
# --- lib/air.py
LIMIT = 3
