# ERROR: @every needs first to be True or False
# ERROR: @every needs first to be True or False
# ERROR: @every needs a period
from torpor import Service, every

LATER = False


class A(Service):
    @every(seconds=3, first=LATER)
    async def read(self) -> None:
        return None

    @every(seconds=3, first=0)
    async def write(self) -> None:
        return None

    @every(first=False)
    async def rest(self) -> None:
        return None
