# ERROR: config is not part of the contract of b
from torpor import Service
from services.b import B


class A(Service):
    b: B

    async def read(self) -> dict:
        return self.b.config
