# ERROR: an object of the class Ring of start, which is loaded only while it runs, is stored in self
from torpor import Service
from torpor.cold import cold


class A(Service):
    @cold
    async def start(self) -> None:
        self.ring = Ring()


@cold
class Ring:
    size = 3
