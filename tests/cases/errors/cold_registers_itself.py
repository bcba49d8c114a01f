# ERROR: the function _changed of _watch, which is loaded only while it runs, is given to pin.irq
from torpor import Service
from torpor.cold import cold


class A(Service):
    async def start(self) -> None:
        import machine

        _watch(machine.Pin(3))


@cold
def _watch(pin):
    pin.irq(_changed)


def _changed(pin):
    pass
