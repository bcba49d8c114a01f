# ERROR: services/a/__init__.py:8: a starts on request and is unloaded afterwards, but it starts a task here
# ON REQUEST: a
from torpor import Service


class A(Service):
    async def start(self) -> None:
        self.spawn(self.watch)

    async def watch(self) -> None:
        return None
