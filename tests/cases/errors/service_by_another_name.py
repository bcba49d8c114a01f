# ERROR: services/a/__init__.py:7: A derives from S, another name for Service
from torpor import Service

S = Service


class A(S):
    async def read(self) -> int:
        return 1
