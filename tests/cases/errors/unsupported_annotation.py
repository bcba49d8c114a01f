# ERROR: when: complex cannot be sent
# ERROR: set cannot be returned
from torpor import Service, every, get, post


class A(Service):
    async def read(self, when: complex) -> set:
        return set()
