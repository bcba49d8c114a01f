# ERROR: async for over self.lines: MicroPython has no async generators
from collections.abc import AsyncIterator

from torpor import Service, get


class A(Service):
    @get("/lines")
    async def lines(self) -> AsyncIterator[str]:
        yield "x"

    async def count(self) -> int:
        total = 0
        async for line in self.lines():
            total += len(line)
        return total
