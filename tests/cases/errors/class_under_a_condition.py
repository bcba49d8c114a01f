# ERROR: the service class A is defined only under a condition
import sys

from torpor import Service

if sys.platform == "rp2":

    class A(Service):
        async def read(self) -> int:
            return 3
