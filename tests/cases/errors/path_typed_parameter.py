# ERROR: write <x>: the type is that of the argument x
from torpor import Service, get


class A(Service):
    @get("/<int:x>")
    async def read(self, x: int) -> int:
        return 3
