# ERROR: @daily needs a time of day, got '25:00'
#     write @daily("07:30"), from "00:00" to "23:59"
from torpor import Service, daily


class A(Service):
    @daily("25:00")
    async def report(self) -> None:
        pass
