# ERROR: Range of torpor is for annotations only, and is used at run time
from torpor import Range, Service

R = Range(1, 2)


class A(Service):
    async def put(self, x: int) -> None:
        pass
