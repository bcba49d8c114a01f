# ERROR: A has two members called read
from torpor import Service, every, get, post


class A(Service):
    async def read(self) -> None:
        return None

    async def read(self) -> None:
        return None
