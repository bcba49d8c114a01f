# ERROR: a lambda of _prepare, which is loaded only while it runs, is stored in self.convert
from torpor import Service
from torpor.cold import cold


class A(Service):
    async def start(self) -> None:
        self._prepare()

    @cold
    def _prepare(self):
        self.convert = lambda value: value / 2
