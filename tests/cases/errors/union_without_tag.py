# ERROR: A.put: x: Door | Fan cannot be sent to a service
#     give each record a field that says which it is: kind: Literal['a']
# ERROR: A.read: list[Door | Fan] cannot be returned
from typing import TypedDict

from torpor import Service


class Door(TypedDict):
    open: bool


class Fan(TypedDict):
    speed: int


class A(Service):
    async def put(self, x: Door | Fan) -> None:
        pass

    async def read(self) -> list[Door | Fan]:
        return []
