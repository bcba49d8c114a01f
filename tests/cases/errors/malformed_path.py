# ERROR: the path a/b does not begin with a slash
from torpor import Service, every, get, post


class A(Service):
    @get("a/b")
    async def read(self) -> str:
        return ""
