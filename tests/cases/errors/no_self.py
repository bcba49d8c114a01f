# ERROR: A.read has no self
from torpor import Service


class A(Service):
    async def read() -> int:
        return 3
