# ERROR: from services.b.rules import LIMIT: only a peer's class
from torpor import Service


class A(Service):
    async def read(self) -> int:
        from services.b.rules import LIMIT

        return LIMIT
