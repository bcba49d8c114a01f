# ERROR: services/a/__init__.py:8: a starts on request and is unloaded afterwards, but it has a safe
# ON REQUEST: a
from torpor import Service


class A(Service):
    async def start(self) -> None:
        self._valve = self.output(15, safe=1)
