# ERROR: @get on inner, which is not a method of A
from torpor import Service, get


class A(Service):
    async def read(self) -> int:
        @get("/inner")
        async def inner() -> int:
            return 3

        return await inner()
