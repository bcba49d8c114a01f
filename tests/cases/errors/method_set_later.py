# ERROR: A.read is set after the class is defined
# ERROR: A.more is set after the class is defined
# ERROR: A.other is set after the class is defined
# ERROR: A.read is set after the class is defined
from torpor import Service


async def more(self) -> int:
    return 4


class A(Service):
    count = 0

    async def read(self) -> int:
        A.count += 1
        return A.count


A.read = more
A.more = more
setattr(A, "other", more)
del A.read
