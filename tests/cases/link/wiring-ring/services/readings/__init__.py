from torpor import Service, every

from services.alerts import Alerts


class Readings(Service):
    alerts: Alerts

    @every(minutes=1, seconds=30)
    async def sample(self) -> None:
        await self.alerts.see(20.5)

    async def newest(self) -> float:
        return 20.5
