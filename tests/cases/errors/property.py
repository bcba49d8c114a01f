# ERROR: A.size is public but not async
from torpor import Service


class A(Service):
    @property
    def size(self) -> int:
        return 3
