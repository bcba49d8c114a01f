# ERROR: services/a/__init__.py:11: list[int] is evaluated on the board
# ERROR: services/a/__init__.py:14: int | str is evaluated on the board
# ERROR: services/a/__init__.py:16: dict[str, int] is evaluated on the board
# ERROR: services/a/__init__.py:21:16: Rows is a type alias, which the board does not have
from torpor import Service

Rows = list[dict]


class A(Service):
    Kind = list[int]

    async def read(self, rows: Rows) -> Rows:
        if isinstance(rows, int | str):
            return []
        table = dict[str, int]()
        fine: list[int] = []
        return [table, fine]

    async def other(self) -> list:
        return Rows()
