# ERROR: services/a/__init__.py:11: @get needs its deadline_ms as a number of milliseconds, 1 to 600000
# ERROR: services/a/__init__.py:15: @post needs its deadline_ms as a number of milliseconds
# ERROR: services/a/__init__.py:20: A.lines streams, so its route cannot have a deadline_ms
from collections.abc import AsyncIterator

from torpor import Service, get, post
LONG = 5000


class A(Service):
    @get("/a", deadline_ms=0)
    async def read(self) -> str:
        return ""

    @post("/a", deadline_ms="1000")
    async def write(self) -> str:
        return ""

    @get("/b", deadline_ms=1000)
    async def lines(self) -> AsyncIterator[str]:
        yield ""
