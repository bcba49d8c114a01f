# ERROR: A.read has no argument for <fridge>
from torpor import Service, every, get, post


class A(Service):
    @get("/a/<fridge>")
    async def read(self, name: str) -> str:
        return name
