# ERROR: LIMIT of b is not its service class
# ERROR: LIMIT belongs to b, which may run on another board
from torpor import Service
from services.b import LIMIT, B


class A(Service):
    b: B

    async def read(self) -> int:
        return LIMIT
