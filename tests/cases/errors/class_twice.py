# ERROR: A is defined or deleted again
import sys

from torpor import Service


class A(Service):
    async def read(self) -> int:
        return 3


if sys.platform == "rp2":

    class A(Service):
        async def read(self) -> int:
            return 4
