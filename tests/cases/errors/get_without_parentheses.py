# ERROR: @get needs a path: it is written without one
from torpor import Service, get


class A(Service):
    @get
    async def read(self) -> int:
        return 3
