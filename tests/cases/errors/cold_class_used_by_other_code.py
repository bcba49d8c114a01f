# ERROR: Ring is marked @cold, and this uses it
from torpor import Service
from torpor.cold import cold


class A(Service):
    async def read(self) -> int:
        return Ring.size


@cold
class Ring:
    size = 3
