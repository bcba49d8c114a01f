# ERROR: a tuple with a status is for the answer of a route
from torpor import Service


class A(Service):
    async def read(self) -> tuple[dict, int]:
        return {}, 201
