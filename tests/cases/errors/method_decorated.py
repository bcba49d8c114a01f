# ERROR: @twice on A.read may change the contract
# ERROR: @limits(3) on A.start may change the contract
from torpor import Service, get


def twice(method):
    return lambda self, n: method(self, n * 2)


def limits(n):
    return twice


class A(Service):
    @get("/read")
    @twice
    async def read(self, n: int) -> int:
        return n

    @limits(3)
    async def start(self) -> None:
        self._x = 3

    @twice
    def _helper(self, n):
        return n
