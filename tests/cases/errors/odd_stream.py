# ERROR: AsyncIterator[dict] is not a stream
from collections.abc import AsyncIterator

from torpor import Service, get


class A(Service):
    @get("/")
    async def read(self) -> AsyncIterator[dict]:
        yield {}
