# ERROR: services/a/__init__.py:9:16: Rows is a type alias, which the board does not have, and is used
#     use it in annotations only
from torpor import Service
from .kinds import LIMIT, Rows


class A(Service):
    async def read(self) -> Rows:
        return Rows([LIMIT])
# --- services/a/kinds.py
LIMIT = 3
Rows = list[int]
