"""A name that only some images have is imported from its module."""

from torpor import Fault, Service; from torpor.deadline import deadline
from torpor.deadline import deadline as within


class Alerts(Service):

    async def check(self) -> None:
        with deadline(100), within(50):
            raise Fault(404, "none")
