# ERROR: contains a space or percent-encoding
from torpor import Service, get


class A(Service):
    @get("/a%20b")
    async def read(self) -> int:
        return 3
