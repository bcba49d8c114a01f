# ERROR: <names> in the path cannot be list[str]
from torpor import Service, every, get, post


class A(Service):
    @get("/a/<names>")
    async def read(self, names: list[str]) -> str:
        return ""
