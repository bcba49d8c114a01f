# ERROR: positional-only arguments (/) cannot be part of a contract
from torpor import Service


class A(Service):
    async def read(self, limit: int, /) -> int:
        return limit
