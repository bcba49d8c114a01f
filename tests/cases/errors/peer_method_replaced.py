# ERROR: self.b.newest is a method of another service
from torpor import Service
from services.b import B


class A(Service):
    b: B

    async def start(self) -> None:
        self.b.newest = None
