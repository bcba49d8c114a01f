"""A peer's class is imported for its type; the service's own modules stay."""

from torpor import Service

  # the peer
from services.alerts.rules import LIMIT
from .book import Book



class Alerts(Service):
    readings: Readings
    probes: "Probes"

    async def check(self) -> None:


        newest: Readings = await self.readings.newest("fridge-1")
        Book(LIMIT).see(newest)


def lazy() -> None:
    pass
