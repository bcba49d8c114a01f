# ERROR: services/a/__init__.py:6: a starts on request and is unloaded afterwards, but it has a store
# ON REQUEST: a
from torpor import Service


class A(Service):
    async def start(self) -> None:
        self.rows = self.store.table("rows")
