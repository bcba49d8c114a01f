# ERROR: @get on start, which is not part of the contract
from torpor import Service, get


class A(Service):
    @get("/")
    async def start(self) -> None:
        return None
