"""Migrates a service's data to the format that its code expects, when the board starts.

The migrations of a service are numbered from 1. The database itself holds the number of the last
one that ran; it is written in one commit with the changes of the migration.
"""

import sys
from json import dumps

from micropython import const

from .. import log
from ..cold import startup
from . import compact, database, recovery

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Iterator

    from .database import Store
    from .table import Table

_JOURNAL = const(2048)  # bytes


@startup
def opened(name: str, migrations: tuple, indexing: "Any" = None, root: str = "/data") -> "Store":
    """Open the database of a service, and run the migrations that have not run on it.

    Args:
        name: The service.
        migrations: The names of all migrations of the service.
        indexing: The module ``secondary``, if one of them asks for an index.
        root: The folder of all databases.

    Raises:
        RuntimeError: A migration fails, or more have run on the data. The data is unchanged.
    """
    store = database.opened(name, len(migrations), root)
    store.indexing = indexing
    for number in range(recovery.version(store), len(migrations)):
        _run(store, "services.%s.migrations.%s" % (name, migrations[number]), number + 1)
    return store


def _run(store: "Store", module: str, number: int) -> None:
    """Run ``up`` of the migration with that number. Raises ``RuntimeError`` if it fails."""
    try:
        __import__(module)
        db = Database(store)
        sys.modules[module].up(db)
        db.commit(number)
    except Exception as e:
        recovery.load(store)
        service, name = module.split(".")[1::2]
        text = "migration %s" % name
        log.Log(service).exception(e, text + " failed")
        raise RuntimeError("%s: %s: %s%s" % (text, type(e).__name__, e, _place(e, module)))
    finally:
        # It runs once: release its heap, and that of the package, which refers to it.
        package = module.rpartition(".")[0]
        sys.modules.pop(module, None)
        sys.modules.pop(package, None)
        owner = sys.modules.get(package.rpartition(".")[0])
        if hasattr(owner, "migrations"):
            delattr(owner, "migrations")
    recovery.load(store)


def _place(error: Exception, module: str) -> str:
    """Return in brackets the file and the line of the migration at which an exception arose."""
    file = module.replace(".", "/")
    place = ""
    try:
        from io import StringIO

        trace = StringIO()
        sys.print_exception(error, trace)
        for line in trace.getvalue().split("\n"):  # the innermost call comes last
            if file in line and ", line " in line:
                place = " (%s.py:%s)" % (file, line.split(", line ")[1].split(",")[0])
    except MemoryError:
        pass
    return place


@startup
class Database:
    """The ``db`` of a migration's ``up(db)``. All its changes become valid together, at the end."""

    def __init__(self, store: "Store") -> None:
        self._store = store
        self._written: dict = {}  # table name -> the generation that was written
        self._indexed: dict = {}  # table name -> fields
        self._writes: list = []

    def scan(self, table: str) -> "Iterator":
        """Iterate over every ``(key, row)`` of a table, lowest key first."""
        return _rows(self._table(table))

    def fill(self, table: str, rows: "Any") -> None:
        """Replace all rows of the table with an iterable of ``(key, row)``."""
        target = self._next(table)
        self._fill(table, ((key, target.text(key, _row(row))) for key, row in rows))

    def _fill(self, table: str, rows) -> None:
        generation = self._generation(table) + 1
        target = self._next(table)
        for key, text in rows:
            self._store.write([(target, key, text)], True)
            compact.feed()
            if self._store.size > _JOURNAL:
                compact.finish(self._store)
        self._written[table] = generation

    def rewrite(self, table: str, change: "Callable") -> None:
        """Replace each row with ``change(row)``; a row for which it returns None is removed."""
        rows = ((key, change(row)) for key, row in self.scan(table))
        self.fill(table, ((key, row) for key, row in rows if row is not None))

    def drop(self, table: str) -> None:
        """Remove a table with its rows."""
        self.fill(table, ())

    def put(self, table: str, key: "Any", row: dict) -> None:
        """Store a row. For many rows use ``fill`` or ``rewrite``."""
        target = self._table(table)
        self._writes.append((target, key, target.text(key, _row(row))))

    def delete(self, table: str, key: "Any") -> None:
        """Remove a row."""
        target = self._table(table)
        self._writes.append((target, key, target.text(key, None)))

    def index(self, table: str, field: str) -> None:
        """Keep an index of a field, so that ``where`` finds its rows without reading all rows."""
        entry = self._store.indexing.new_entry
        rows = ((key, row[field]) for key, row in self.scan(table) if field in row)
        self._fill(
            table + "-" + field, ((entry(value, key), dumps(key).encode()) for key, value in rows)
        )
        if table not in self._indexed:
            self._indexed[table] = recovery.fact(self._store, "i:" + table) or []
        self._indexed[table].append(field)

    def commit(self, number: int) -> None:
        facts = [("version", number)]
        facts += [("t:" + name, generation) for name, generation in self._written.items()]
        facts += [("i:" + name, fields) for name, fields in self._indexed.items()]
        for copy in recovery.CATALOGS:
            catalog = recovery.generation(self._store, copy, 0)
            self._writes += [(catalog, key, dumps(value).encode()) for key, value in facts]
        self._store.write(self._writes)
        compact.finish(self._store)  # empties the journal before the old tables are removed

    def _next(self, table: str) -> "Table":
        return recovery.generation(self._store, table, self._generation(table) + 1)

    def _generation(self, table: str) -> int:
        return self._written.get(table, recovery.generation_of(self._store, table))

    def _table(self, name: str) -> "Table":
        return recovery.generation(self._store, name, self._generation(name))


def _row(row):
    """Return ``row``; raise an error for None, which stands for a row that does not exist."""
    return () if row is None else row


def _rows(table):
    for keys, rows in table.walk():
        compact.feed()
        yield from zip(keys, rows)
