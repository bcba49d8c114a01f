# ERROR: GET /a/<y> of two collides with /a/<x> of one (line 6)
from torpor import Service, every, get, post


class A(Service):
    @get("/a/<x>")
    async def one(self, x: str) -> str:
        return x

    @get("/a/<y>")
    async def two(self, y: str) -> str:
        return y
