# ERROR: cold marks a function of a module or a method of its classes
from torpor import Service
from torpor.cold import cold


class A(Service):
    async def read(self) -> int:
        @cold
        def inner():
            return 3

        return inner()
