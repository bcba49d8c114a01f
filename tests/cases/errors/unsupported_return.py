# ERROR: A.read: set[int] cannot be returned
from torpor import Service


class A(Service):
    async def read(self) -> set[int]:
        return {3}
