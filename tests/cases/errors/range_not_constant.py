# ERROR: x: Annotated[int, Range(LOW)] cannot be sent
#     write the limits of Range as constants
from typing import Annotated

from torpor import Length, Pattern, Range, Service

LOW = 3


class A(Service):
    async def put(self, x: Annotated[int, Range(LOW)]) -> None:
        pass
