# ERROR: JSON's keys are text
from torpor import Service


class A(Service):
    async def read(self, rows: list[dict[int, str]]) -> int:
        return 3
