# ERROR: A.read streams, so nobody reads its chunks
from collections.abc import AsyncIterator

from torpor import Service, every, get


class A(Service):
    @get("/")
    @every(seconds=1)
    async def read(self) -> AsyncIterator[str]:
        yield "x"
