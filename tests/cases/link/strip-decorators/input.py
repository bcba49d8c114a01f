import torpor as t
from torpor import (
    Fault,
    Service,
    every,
    get as read,
)

from . import cached


class Café(Service):
    é = "é"

    @read(
        "/tables/<number>",
        content_type="text/plain",
    )  # what the waiter asks
    async def table(self, number: int) -> str:
        return "é" if number else ""

    # a comment
    @every(minutes=5)
    @cached
    @t.post("/orders")

    async def order(self) -> None:
        raise Fault(409, "closed")

    @property
    def _open(self) -> bool:
        return True
