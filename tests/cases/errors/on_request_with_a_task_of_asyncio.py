# ERROR: services/a/__init__.py:10: a starts on request and is unloaded afterwards, but it starts a task here
# ON REQUEST: a
from asyncio import create_task

from torpor import Service


class A(Service):
    async def start(self) -> None:
        create_task(self._watch())

    async def _watch(self) -> None:
        return None
