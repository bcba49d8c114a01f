# ERROR: services/a/__init__.py:7: a starts on request and is unloaded afterwards, but opened runs at a pin
# ON REQUEST: a
from torpor import Service, on_wake


class A(Service):
    @on_wake(pin=4, level=0)
    async def opened(self) -> None:
        return None
