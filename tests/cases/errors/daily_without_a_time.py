# ERROR: @daily needs a time of day
from torpor import Service, daily


class A(Service):
    @daily("7:30")
    async def report(self) -> None:
        return None
