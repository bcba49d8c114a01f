# ERROR: A.read has a second @every
from torpor import Service, every


class A(Service):
    @every(seconds=1)
    @every(minutes=1)
    async def read(self) -> None:
        return None
