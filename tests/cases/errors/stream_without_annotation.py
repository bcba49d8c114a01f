# ERROR: A.lines does not say what it returns
from torpor import Service, get


class A(Service):
    @get("/x")
    async def lines(self):
        yield "x"
