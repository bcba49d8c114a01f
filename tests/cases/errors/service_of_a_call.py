# ERROR: services/a/__init__.py:9: A derives from make(Service), another name for Service
from torpor import Service


def make(base):
    return base


class A(make(Service)):
    async def read(self) -> int:
        return 1
