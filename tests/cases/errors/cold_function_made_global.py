# ERROR: a lambda of _prepare, which is loaded only while it runs, is stored in convert
from torpor import Service
from torpor.cold import cold

convert = None


class A(Service):
    @cold
    def _prepare(self):
        global convert
        convert = lambda value: value / 2  # noqa: E731
