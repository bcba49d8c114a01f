# ERROR: A.read is called by @every without arguments
from torpor import Service, every, get, post


class A(Service):
    @every(seconds=1)
    async def read(self, name: str) -> None:
        return None
