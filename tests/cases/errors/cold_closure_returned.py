# ERROR: the function inner of _above, which is loaded only while it runs, is returned
from torpor import Service
from torpor.cold import cold


class A(Service):
    async def read(self, value: int) -> bool:
        return self._above(3)(value)

    @cold
    def _above(self, limit):
        def inner(value):
            return value > limit

        return inner
