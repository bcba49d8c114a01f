# ERROR: B is used as a value
from torpor import Service
from services.b import B


class A(Service):
    b: B

    async def start(self) -> None:
        self.b = B('b', {})
