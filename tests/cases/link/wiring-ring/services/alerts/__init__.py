from torpor import Service, every, get

from services.readings import Readings


class Alerts(Service):
    source: Readings

    async def see(self, celsius: float) -> None:
        pass

    @get("/alerts")
    @every(ms=500)
    async def check(self) -> float:
        return await self.source.newest()
