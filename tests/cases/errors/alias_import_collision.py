# ERROR: GET /<y> of other collides with /<x> of read
import torpor
from torpor import Service as Base
from torpor import get as g


class A(Base):
    @g("/<x>")
    async def read(self, x: str) -> int:
        return 3

    @torpor.get("/<y>")
    async def other(self, y: str) -> int:
        return 3
