# ERROR: @get needs a path, written as one literal text
from torpor import Service, get

PATH = "/x"


class A(Service):
    @get(PATH)
    async def read(self) -> int:
        return 3
