# ERROR: cannot be part of a contract
from torpor import Service, every, get, post


class A(Service):
    async def read(self, *names) -> None:
        return None
