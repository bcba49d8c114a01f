# ERROR: the default LIMIT is not a constant
from torpor import Service, every, get, post


LIMIT = 3


class A(Service):
    async def read(self, limit: int = LIMIT) -> None:
        return None
