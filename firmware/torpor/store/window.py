"""Remembers the results of what must not run twice: the newest ones, over power cuts."""

from . import forget

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .database import Store

_NAME = "_window"  # no service can have a table of that name


def exists(store: "Store") -> bool:
    """Whether the store has a window."""
    full = _NAME + ".0"
    return full in store.tables or full in store.bounds


class Window:
    """The last ``keep`` results by id; about 100 bytes of RAM each for ids of 32 characters."""

    def __init__(self, store: "Store", keep: int = 64) -> None:
        from . import opening

        forget("opening")
        self._keep = keep
        self._table = opening.generation(store, _NAME, 0)
        self._table.keep = keep
        self._keys: dict = {}  # id -> key
        for keys, rows in self._table.walk():
            for key, row in zip(keys, rows):
                self._keys[row["id"]] = key
        self._drop_oldest()

    def get(self, id: str):
        """The result of ``id``; None if it is not known."""
        row = self._table.find(self._keys[id]) if id in self._keys else None
        return row and row["result"]

    async def add(self, id: str, result) -> None:
        """Remember the result, any JSON value but None, in the place of an earlier one of ``id``.

        Raises ``Fault`` as ``Table.put``.
        """
        self._keys[id] = await self._table.append({"id": id, "result": result})
        self._drop_oldest()

    def _drop_oldest(self) -> None:
        while len(self._keys) > self._keep:
            oldest = min(self._keys, key=lambda id: self._keys[id])
            del self._keys[oldest]
