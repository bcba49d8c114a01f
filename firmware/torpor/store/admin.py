"""What the cluster's tools may ask of a database. Each public function is one question."""

import asyncio
import os

from micropython import const

from ..service import Fault
from . import forget, opening, segment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .database import Store
    from .table import Table

forget("opening")

_PAGE = const(6000)  # bytes of rows in an answer


def _any_table(store: "Store", table: str) -> "Table":
    """A table, which for ``put`` need not exist yet, with what its service has said of it."""
    return opening.generation(store, table, opening.generation_of(store, table))


def _table(store: "Store", table: str) -> "Table":
    if table not in _names(store):
        raise Fault(404, "there is no table %s" % table)
    return _any_table(store, table)


def _names(store: "Store") -> list:
    found = []
    for full in list(store.bounds) + list(store.tables):
        name = full.split(".")[0]
        valid = full == "%s.%d" % (name, opening.generation_of(store, name))
        if valid and name not in opening.CATALOGS and "-" not in name:
            found.append(name)
    return sorted(found)


async def state(store: "Store") -> dict:
    """Migrations done, and the names of the tables."""
    return {"migrations": opening.fact(store, "version") or 0, "tables": _names(store)}


async def count(store: "Store", table: str) -> int:
    """How many rows a table has."""
    return await _table(store, table).count()


async def page(store: "Store", table: str, since=None) -> list:
    """Rows from the key ``since`` on, ``[[key, row], ...]``, and the key to go on with or None."""
    rows: list = []
    size = 0
    async for key, row in _table(store, table).scan(since):
        if size > _PAGE:
            return [rows, key]
        rows.append((key, row))
        size += len(str(row))
    return [rows, None]


async def put(store: "Store", table: str, rows: list) -> int:
    """Write rows, ``[[key, row], ...]``, as one commit."""
    target = _any_table(store, table)
    if store.indexing:
        store.indexing.attach(store, target, table)
    async with store.batch():
        for key, row in rows:
            await target.put(key, row)
    return len(rows)


async def clear(store: "Store", table: str) -> None:
    """Remove all rows of a table."""
    target = _table(store, table)
    last = target.last()
    if last is not None:
        await target.prune(last + 1 if isinstance(last, int) else last + "\x01")


async def files(store: "Store") -> list:
    """The files of a database."""
    leaves = sorted(name for name in os.listdir(store.folder) if "." in name)
    return [store.journal_path[len(store.folder) :]] + leaves


async def check(store: "Store", file: str) -> dict:
    """Read every record of a file: how many are whole, and where one is not."""
    if file not in await files(store):
        return {"file": file, "gone": True}  # folded or dropped in the meantime
    whole, damaged = 0, []
    with open(store.folder + file, "rb") as opened:
        for at, found in segment.records(opened):
            if found:
                whole += 1
            else:
                damaged.append(at)
            if (whole + len(damaged)) % 8 == 0:
                found = None
                await asyncio.sleep_ms(0)
        size = opened.seek(0, 2)
    return {"file": file, "records": whole, "bytes": size, "damaged": damaged[:50]}
