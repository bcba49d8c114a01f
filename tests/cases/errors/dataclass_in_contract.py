# ERROR: A.put: x: Point cannot be sent to a service
#     Point is a dataclass: write class Point(TypedDict) with its fields
from typing import TYPE_CHECKING

from torpor import Service

if TYPE_CHECKING:
    from dataclasses import dataclass

    @dataclass
    class Point:
        at: int


class A(Service):
    async def put(self, x: Point) -> None:
        pass
