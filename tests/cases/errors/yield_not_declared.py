# ERROR: yields, but does not say that it streams
from torpor import Service, every, get, post


class A(Service):
    @get("/x")
    async def lines(self) -> str:
        yield "x"
