# ERROR: x: Annotated[str, Range(1, 2)] cannot be sent
#     Range is for int and float, not for str
from typing import Annotated

from torpor import Length, Pattern, Range, Service


class A(Service):
    async def put(self, x: Annotated[str, Range(1, 2)]) -> None:
        pass
