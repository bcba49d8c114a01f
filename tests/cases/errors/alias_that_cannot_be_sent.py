# ERROR: A.read: keys: dict[int, str] cannot be sent to a service
from torpor import Service

Keys = dict[int, str]


class A(Service):
    async def read(self, keys: Keys) -> None:
        return None
