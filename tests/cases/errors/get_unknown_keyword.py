# ERROR: @get has no argument kind
from torpor import Service, every, get, post


class A(Service):
    @get("/a", kind="x")
    async def read(self) -> str:
        return ""
