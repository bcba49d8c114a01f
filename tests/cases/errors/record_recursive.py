# ERROR: A.read: Node cannot be returned
#     Node contains itself: send a flat list
from typing import TypedDict

from torpor import Service


class Node(TypedDict):
    name: str
    below: "list[Node]"


class A(Service):
    async def read(self) -> Node:
        return {"name": "", "below": []}
