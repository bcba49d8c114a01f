# ERROR: A has two members called limit
from torpor import Service


class A(Service):
    limit = 3

    async def limit(self) -> int:
        return 3
