# ERROR: @get on read, which is not a method of A
# ERROR: @every on check, which is not a method of A
from torpor import Service, every, get


@get("/read")
async def read() -> int:
    return 3


class Unused:
    @every(seconds=3)
    async def check(self) -> None:
        return None


class A(Service):
    pass
