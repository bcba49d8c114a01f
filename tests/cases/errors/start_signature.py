# ERROR: A.start is called by the runtime as start(self)
from torpor import Service


class A(Service):
    async def start(self, config: dict) -> None:
        return None
