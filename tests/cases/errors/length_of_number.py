# ERROR: x: Annotated[int, Length(1)] cannot be sent
#     Length is for str, not for int
from typing import Annotated

from torpor import Length, Pattern, Range, Service


class A(Service):
    async def put(self, x: Annotated[int, Length(1)]) -> None:
        pass
