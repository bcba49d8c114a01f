# ERROR: the argument name has no annotation
# ERROR: A.read does not say what it returns
from torpor import Service, every, get, post


class A(Service):
    async def read(self, name):
        return 1
