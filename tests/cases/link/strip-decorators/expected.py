import torpor as t
from torpor import Fault, Service






from . import cached


class Café(Service):
    é = "é"





    async def table(self, number: int) -> str:
        return "é" if number else ""

    # a comment

    @cached


    async def order(self) -> None:
        raise Fault(409, "closed")

    @property
    def _open(self) -> bool:
        return True
