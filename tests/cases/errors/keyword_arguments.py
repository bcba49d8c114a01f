# ERROR: **rest cannot be part of a contract
from torpor import Service


class A(Service):
    async def read(self, **rest: int) -> int:
        return 3
