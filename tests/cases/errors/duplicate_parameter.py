# ERROR: <x> appears twice in /<x>/<x>
from torpor import Service, get


class A(Service):
    @get("/<x>/<x>")
    async def read(self, x: int) -> int:
        return 3
