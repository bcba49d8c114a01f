# ERROR: a/__init__.py:13:16: Point is a record, which the board does not have, and is used at run time
from typing import TypedDict

from torpor import Service


class Point(TypedDict):
    at: int


class A(Service):
    async def read(self) -> Point:
        return Point(at=1)
