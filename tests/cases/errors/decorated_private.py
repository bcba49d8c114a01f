# ERROR: @get on _read, which is not part of the contract
from torpor import Service, every, get, post


class A(Service):
    @get("/a")
    async def _read(self) -> None:
        return None
