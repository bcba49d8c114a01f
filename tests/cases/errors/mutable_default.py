# ERROR: rows: the default [] is not a constant
from torpor import Service


class A(Service):
    async def read(self, rows: list = []) -> int:
        return 3
