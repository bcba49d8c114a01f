# ERROR: b.lines streams: a peer cannot call it
from torpor import Service, every, get, post
from services.b import B


class A(Service):
    b: B

    async def read(self) -> None:
        await self.b.lines()
