# ERROR: the path /x//y has an empty segment
from torpor import Service, get


class A(Service):
    @get("/x//y")
    async def read(self) -> int:
        return 3
