# ERROR: events yields in an async def: MicroPython has no async generators
# ERROR: A._lines yields in an async def: MicroPython has no async generators
# ERROR: A.start yields in an async def: MicroPython has no async generators
# ERROR: inner yields in an async def: MicroPython has no async generators
# ERROR: services/a/rules.py:1: numbers yields in an async def
from microdot import Microdot
from torpor import Service

application = Microdot()


@application.get("/events")
async def events(request):
    async def inner():
        yield "x"

    yield "x"


class A(Service):
    app = application

    async def start(self) -> None:
        yield

    async def _lines(self):
        yield "x"
# --- services/a/rules.py
async def numbers():
    yield 3


def plain():
    yield 3
