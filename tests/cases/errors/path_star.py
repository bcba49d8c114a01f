# ERROR: the path /x/* has a segment *
from torpor import Service, get


class A(Service):
    @get("/x/*")
    async def read(self) -> int:
        return 3
