# ERROR: the argument name has no annotation
# ERROR: A.read has no return annotation
from torpor import Service, every, get, post


class A(Service):
    async def read(self, name):
        return 1
