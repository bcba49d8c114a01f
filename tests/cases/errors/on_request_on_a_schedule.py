# ERROR: services/a/__init__.py:8: a starts on request and is unloaded afterwards, but read runs on a schedule
# ON REQUEST: a
from torpor import Service, every


class A(Service):
    @every(seconds=5)
    async def read(self) -> None:
        return None
