# ERROR: use list: JSON has no tuples
from torpor import Service


class A(Service):
    async def read(self, pair: tuple[int, int]) -> int:
        return 3
