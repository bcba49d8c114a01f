# ERROR: @every needs a period
from torpor import Service, every


class A(Service):
    @every
    async def read(self) -> None:
        return None
