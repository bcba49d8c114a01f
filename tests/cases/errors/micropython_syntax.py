# ERROR: services/a/__init__.py:8
from torpor import Service, every, get, post


class A(Service):
    async def read(self) -> int:
        value = 1
        match value:
            case 1:
                return 1
        return 2
