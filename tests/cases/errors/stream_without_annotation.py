# ERROR: A.lines has no return annotation
from torpor import Service, get


class A(Service):
    @get("/x")
    async def lines(self):
        yield "x"
