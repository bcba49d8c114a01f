# ERROR: x: int | str leaves open what a request must send
from torpor import Service, get


class A(Service):
    @get("/")
    async def read(self, x: int | str) -> int:
        return 3
