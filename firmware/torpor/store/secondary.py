"""An index of a field: a table whose keys are the field's value and the row's key."""

from json import dumps

from micropython import const

from . import forget
from .table import Scan

_BREAK = "\x7f"  # between the two, in no value
# Bytes of an entry: the name of a leaf holds it twice over, and a LittleFS takes 255 for that.
_MOST = const(100)


def attach(store, table, name: str) -> None:
    """Let ``table``, called ``name``, have the indexes that its migrations asked for.

    The index of ``field`` is held by the table ``<name>-<field>``.
    """
    from . import opening

    forget("opening")
    fields = opening.fact(store, "i:" + name) or ()
    if fields:
        table.indexes = []
        table.where = Where(table.indexes)
    for field in fields:
        held = name + "-" + field
        entries = opening.generation(store, held, opening.generation_of(store, held))
        table.indexes.append(Index(table, field, entries))


def entry(value, key) -> str:
    """The key under which the index holds ``key``."""
    text = value if isinstance(value, str) else dumps(value)
    return text + _BREAK + (key if isinstance(key, str) else "%015x" % key)


def new_entry(value, key) -> str:
    """As ``entry``, for a row that is written. Raises ``Fault`` 400."""
    held = entry(value, key)
    if (
        isinstance(value, (dict, list))
        or held.count(_BREAK) > 1
        or (isinstance(key, int) and key < 0)
        or len(held.encode()) > _MOST
    ):
        from . import maintenance

        forget("maintenance")
        raise maintenance.no_entry(value, key, held, _MOST)
    return held


class Where:
    """``table.where``."""

    def __init__(self, indexes: list) -> None:
        self._indexes = indexes

    def __call__(self, field: str, value, limit: int | None = None, newest: bool = False):
        """Iterate over ``(key, row)`` of the rows with that value in an indexed field."""
        for index in self._indexes:
            if index.field == field:
                return Scan(index.walk(value, newest), limit)
        raise ValueError("no migration asked for an index of " + field)


class Index:
    """The index of ``table`` by ``field``; ``entries`` holds it."""

    def __init__(self, table, field: str, entries) -> None:
        self.table = table
        self.field = field
        self.entries = entries

    def writes(self, key, row) -> list:
        """What has to be written along with ``row`` (None: deleted)."""
        old = self.table.find(key) or {}
        new = row or {}
        found = []
        if self.field in old and old[self.field] != new.get(self.field):
            found.append((self.entries, entry(old[self.field], key), b""))
        if self.field in new:
            found.append((self.entries, new_entry(new[self.field], key), dumps(key).encode()))
        return found

    def walk(self, value, newest: bool):
        """Pages of the keys and rows with that value, in the order of their keys."""
        since = entry(value, "")
        for _, found in self.entries.walk(since, since[:-1] + "\x80", newest):
            keys, rows = [], []
            for key in found:
                row = self.table.find(key)
                if row and row.get(self.field) == value:  # a batch can leave an entry behind
                    keys.append(key)
                    rows.append(row)
            if keys:
                yield keys, rows
