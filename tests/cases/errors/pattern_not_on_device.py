# ERROR: x: Annotated[str, Pattern('a{2}')] cannot be sent
#     MicroPython's re has no more
from typing import Annotated

from torpor import Length, Pattern, Range, Service


class A(Service):
    async def put(self, x: Annotated[str, Pattern('a{2}')]) -> None:
        pass
