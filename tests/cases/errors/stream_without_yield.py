# ERROR: A.read is annotated as a stream, but does not yield
from collections.abc import AsyncIterator

from torpor import Service, get


class A(Service):
    @get("/")
    async def read(self) -> AsyncIterator[str]:
        return 3
