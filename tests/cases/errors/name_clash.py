# ERROR: A.log hides what every service has
from torpor import Service, every, get, post


class A(Service):
    async def log(self) -> None:
        return None
