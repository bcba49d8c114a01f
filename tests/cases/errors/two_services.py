# ERROR: a has a second service class, B
from torpor import Service, every, get, post


class A(Service):
    async def read(self) -> None:
        return None


class B(Service):
    pass
