# ERROR: streams, but has no route
from collections.abc import AsyncIterator

from torpor import Service, every, get, post


class A(Service):
    async def lines(self) -> AsyncIterator[str]:
        yield "x"
