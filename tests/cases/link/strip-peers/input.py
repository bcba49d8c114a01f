"""A peer's class is imported for its type; the service's own modules stay."""

from torpor import Service

from services.readings import Readings  # the peer
from services.alerts.rules import LIMIT
from .book import Book
from services.sensors import Sensors as Probes


class Alerts(Service):
    readings: Readings
    probes: "Probes"

    async def check(self) -> None:
        from services.device import Device

        newest: Readings = await self.readings.newest("fridge-1")
        Book(LIMIT).see(newest)


def lazy() -> None:
    from services.device import Device
