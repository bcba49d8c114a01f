# ERROR: services/a/__init__.py:3: Rows is a type alias, which does not exist on the board
from torpor import Service
from .kinds import LIMIT, Rows


class A(Service):
    async def read(self) -> Rows:
        return [LIMIT]
# --- services/a/kinds.py
LIMIT = 3
Rows = list[int]
