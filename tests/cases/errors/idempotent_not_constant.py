# ERROR: @post needs its idempotent as True or False
from torpor import Service, post

YES = True


class A(Service):
    @post("/a", idempotent=YES)
    async def read(self) -> None:
        pass
