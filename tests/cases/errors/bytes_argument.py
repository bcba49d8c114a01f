# ERROR: data: bytes cannot be sent to a service
from torpor import Service


class A(Service):
    async def read(self, data: bytes) -> int:
        return 3
