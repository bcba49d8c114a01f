# ERROR: <x> in the path cannot be int | None
from typing import Optional

from torpor import Service, get


class A(Service):
    @get("/<x>")
    async def read(self, x: Optional[int] = None) -> int:
        return 3
