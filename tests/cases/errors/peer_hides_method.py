# ERROR: A has two members called read
from torpor import Service
from services.b import B


class A(Service):
    read: B

    async def read(self) -> int:
        return 3
