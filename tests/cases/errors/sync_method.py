# ERROR: A.read is public but not async
from torpor import Service, every, get, post


class A(Service):
    def read(self) -> int:
        return 1
