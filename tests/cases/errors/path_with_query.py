# ERROR: contains a query
from torpor import Service, every, get, post


class A(Service):
    @get("/a?x=1")
    async def read(self) -> str:
        return ""
