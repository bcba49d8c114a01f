# ERROR: A.put: x: its type Annotated[int, Range(1, 5)] refuses 9
#     change the default or the limits
from typing import Annotated

from torpor import Range, Service


class A(Service):
    async def put(self, x: Annotated[int, Range(1, 5)] = 9) -> None:
        pass
