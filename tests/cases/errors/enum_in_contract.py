# ERROR: A.put: x: Level cannot be sent to a service
#     Level is an enum: write Level = Literal[...] with its values
from typing import TYPE_CHECKING

from torpor import Service

if TYPE_CHECKING:
    from enum import Enum

    class Level(Enum):
        LOW = 1


class A(Service):
    async def put(self, x: Level) -> None:
        pass
