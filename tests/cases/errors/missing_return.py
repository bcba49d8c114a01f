# ERROR: A.read does not say what it returns
from torpor import Service


class A(Service):
    async def read(self):
        return 3
