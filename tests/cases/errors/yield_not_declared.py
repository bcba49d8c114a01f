# ERROR: yields, but is not annotated as a stream
from torpor import Service, every, get, post


class A(Service):
    @get("/x")
    async def lines(self) -> str:
        yield "x"
