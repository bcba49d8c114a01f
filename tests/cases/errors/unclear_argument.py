# ERROR: x: int | str does not say what a request must contain
from torpor import Service, get


class A(Service):
    @get("/")
    async def read(self, x: int | str) -> int:
        return 3
