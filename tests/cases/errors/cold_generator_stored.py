# ERROR: a generator of _prepare, which is loaded only while it runs, is stored in self.rest
from torpor import Service
from torpor.cold import cold


class A(Service):
    @cold
    def _prepare(self):
        self.rest = (n * n for n in range(9))
