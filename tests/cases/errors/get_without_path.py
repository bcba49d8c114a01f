# ERROR: @get needs a path
from torpor import Service, every, get, post


class A(Service):
    @get
    async def read(self) -> str:
        return ""
