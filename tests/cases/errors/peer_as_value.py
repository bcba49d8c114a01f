# ERROR: B is used as a value
from torpor import Service, every, get, post
from services.b import B


class A(Service):
    b: B

    async def read(self) -> bool:
        return isinstance(self.b, B)
