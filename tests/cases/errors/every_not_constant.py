# ERROR: @every needs a period
from torpor import Service, every

PERIOD = 3


class A(Service):
    @every(seconds=PERIOD)
    async def read(self) -> None:
        return None
