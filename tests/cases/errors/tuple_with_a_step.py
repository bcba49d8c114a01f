# ERROR: (1, 2, 3)[::-1]: MicroPython's tuple has no slices with a step
# ERROR: _PINS[::2]: MicroPython's tuple has no slices with a step
from torpor import Service

_PINS = (4, 5, 6)


class A(Service):
    async def read(self) -> list[int]:
        rows = [1, 2]
        rows = rows[::-1] + list(_PINS)[::-1] + list(_PINS[1:])
        return list((1, 2, 3)[::-1]) + list(_PINS[::2])
