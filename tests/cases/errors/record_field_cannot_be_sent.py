# ERROR: A.put: point: Point cannot be sent to a service
from typing import TypedDict

from torpor import Service


class Point(TypedDict):
    at: "set[int]"


class A(Service):
    async def put(self, point: Point) -> None:
        pass
