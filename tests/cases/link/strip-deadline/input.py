"""A name that only some images have is imported from its module."""

from torpor import Fault, Service, deadline, get
from torpor import deadline as within


class Alerts(Service):
    @get("/alerts")
    async def check(self) -> None:
        with deadline(100), within(50):
            raise Fault(404, "none")
