# ERROR: cannot measure a period beyond 6 days
from torpor import Service, every


class A(Service):
    @every(hours=168)
    async def read(self) -> None:
        return None
