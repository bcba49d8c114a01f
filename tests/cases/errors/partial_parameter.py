# ERROR: has x<a>: a parameter is a whole segment
from torpor import Service, every, get, post


class A(Service):
    @get("/x<a>")
    async def read(self) -> str:
        return ""
