# ERROR: the keyword-only argument limit cannot be part of a contract
from torpor import Service


class A(Service):
    async def read(self, *, limit: int = 3) -> int:
        return limit
