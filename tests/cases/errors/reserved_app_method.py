# ERROR: A.app hides what every service has
from torpor import Service


class A(Service):
    async def app(self) -> None:
        return None
