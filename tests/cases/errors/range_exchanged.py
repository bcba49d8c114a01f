# ERROR: x: Annotated[int, Range(9, 2)] cannot be sent
#     exchange the limits: 9 is more than 2
from typing import Annotated

from torpor import Length, Pattern, Range, Service


class A(Service):
    async def put(self, x: Annotated[int, Range(9, 2)]) -> None:
        pass
