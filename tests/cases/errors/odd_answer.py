# ERROR: a tuple is (object, status) or (object, status, headers)
from torpor import Service, get


class A(Service):
    @get("/")
    async def read(self) -> tuple[int, str]:
        return 3, "x"
