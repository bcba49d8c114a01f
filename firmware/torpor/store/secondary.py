"""An index of a field: a table whose keys are the field's value and the row's key."""

from json import dumps

from micropython import const

from .. import Fault
from ..cold import cold
from .table import Scan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator

    from .database import Store
    from .table import Table


_BREAK = "\x7f"  # between the two; no value may contain it
# Bytes of an entry: the name of a leaf has two digits for each, and LittleFS allows 255 bytes.
_MOST = const(100)


@cold
def attach(store: "Store", table: "Table", name: str) -> None:
    """Give ``table``, called ``name``, the indexes that its migrations asked for.

    The table ``<name>-<field>`` holds the index of ``field``.
    """
    from . import recovery

    fields = recovery.fact(store, "i:" + name) or ()
    if fields:
        table.indexes = []
        table.where = Where(table.indexes)
    for field in fields:
        full = name + "-" + field
        entries = recovery.generation(store, full, recovery.generation_of(store, full))
        table.indexes.append(Index(table, field, entries))


def entry(value: "Any", key: "Any") -> str:
    """Return the key under which the index stores ``key``."""
    text = value if isinstance(value, str) else dumps(value)
    return text + _BREAK + (key if isinstance(key, str) else "%015x" % key)


def new_entry(value: "Any", key: "Any") -> str:
    """Like ``entry``, for a row that is written. Raises ``Fault`` 400."""
    text = entry(value, key)
    if (
        isinstance(value, (dict, list))
        or text.count(_BREAK) > 1
        or (isinstance(key, int) and key < 0)
        or len(text.encode()) > _MOST
    ):
        raise _no_entry(value, key, text)
    return text


@cold
def _no_entry(value, key, text: str) -> Fault:
    """Return why an index cannot hold ``value`` for the row at ``key`` as the entry ``text``."""
    if isinstance(value, (dict, list)):
        wrong = "is a %s" % type(value).__name__  # a dict's keys come in any order
    elif isinstance(key, int) and key < 0:
        wrong = "belongs to a negative key"
    elif len(text.encode()) > _MOST:
        wrong = "is longer than %d bytes with the key" % _MOST
    else:
        wrong = "holds the character 0x7f"
    return Fault(400, "an index cannot hold the value of its field: it " + wrong)


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

    def __init__(self, table: "Table", field: str, entries: "Table") -> None:
        self.table = table
        self.field = field
        self.entries = entries

    def writes(self, key: "Any", row: dict | None) -> list:
        """Return the writes of the index for a new ``row`` (None: deleted)."""
        old = self.table.find(key) or {}
        new = row or {}
        writes = []
        if self.field in old and old[self.field] != new.get(self.field):
            writes.append((self.entries, entry(old[self.field], key), b""))
        if self.field in new:
            writes.append((self.entries, new_entry(new[self.field], key), dumps(key).encode()))
        return writes

    def walk(self, value: "Any", newest: bool) -> "Iterator":
        """Yield pages of the keys and rows with that value, in the order of their keys."""
        since = entry(value, "")
        for _, matches in self.entries.walk(since, since[:-1] + "\x80", newest):
            keys, rows = [], []
            for key in matches:
                row = self.table.find(key)
                if row and row.get(self.field) == value:  # a batch can leave an entry behind
                    keys.append(key)
                    rows.append(row)
            if keys:
                yield keys, rows
