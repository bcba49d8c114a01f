# ERROR: A.read has no return annotation
from torpor import Service


class A(Service):
    async def read(self):
        return 3
