"""Lets the cluster's tools look into the databases of a board while its services run.

``torpor data`` sends the requests. The cluster's key authenticates them.
"""

import asyncio
import os

from micropython import const

from .. import Fault, kernel
from ..cold import cold, startup
from . import segment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..kernel import Kernel
    from .database import Store
    from .table import Table

_PAGE = const(6000)  # bytes of rows in an answer


@startup
def start(kernel: "Kernel") -> None:
    """Accept the calls of the tools."""
    kernel.tools["data"] = data


@cold
async def data(do: str, service: str, **arguments: "Any") -> "Any":
    """Handle the request ``do`` for the database of a service."""
    store = _store(service)
    reply = await getattr(Questions, do)(store, **arguments)
    if do == "state":
        reply["failed"] = kernel.current.failed.get(service)
        reply["wear"] = _wear(store)
    return reply


def _wear(store: "Store") -> dict:
    """Return how much the store has worn the flash since the start.

    A chip's LittleFS does not report how often it erases. Measured with blocks of 4 kB
    (``make bench F=store_erases_per_commit``): 0.9 erases for a commit of 52 bytes, compaction
    included. So one for each flush and two for each compaction of 2 kB is a little more than what
    happens when rows are appended.
    """
    return {
        "commits": store.commits,
        "flushes": store.flushes,
        "bytes": store.written,
        "erases": store.flushes + store.written // 1024,
        "lost": store.lost,
    }


def _store(service: str) -> "Store":
    """Return the database of a service, even if it did not start or is not in this image."""
    from .database import Store

    k = kernel.current
    if service not in k.failed:
        store = getattr(k.services.get(service), "store", None)
        if store:
            return store
    # A name with a dot is a database of the runtime, which is open.
    if "." not in service and "data" in os.listdir("/") and service in os.listdir("/data"):
        return Store(service)
    raise Fault(404, "%s keeps no data of %s" % (k.cluster.BOARD, service))


def _any_table(store: "Store", table: str) -> "Table":
    """Return a table with the settings of its service; for ``put`` it need not exist yet."""
    from . import recovery

    return recovery.generation(store, table, recovery.generation_of(store, table))


def _table(store: "Store", table: str) -> "Table":
    if table not in _names(store):
        raise Fault(404, "there is no table %s" % table)
    return _any_table(store, table)


def _names(store: "Store") -> list:
    from . import recovery

    names = []
    for full in list(store.bounds) + list(store.tables):
        name = full.split(".")[0]
        valid = full == "%s.%d" % (name, recovery.generation_of(store, name))
        if valid and name not in recovery.CATALOGS and "-" not in name:
            names.append(name)
    return sorted(names)


@cold
class Questions:
    """The requests that the tools may send for a database. Each function handles one."""

    async def state(store: "Store") -> dict:
        """Return the number of migrations done, and the names of the tables."""
        from . import recovery

        return {"migrations": recovery.version(store), "tables": _names(store)}

    async def count(store: "Store", table: str) -> int:
        """Return the number of rows of a table."""
        return await _table(store, table).count()

    async def page(store: "Store", table: str, since: "Any" = None) -> list:
        """Return rows from the key ``since`` on, ``[[key, row], ...]``, and the next key."""
        rows: list = []
        size = 0
        async for key, row in _table(store, table).scan(since):
            if size > _PAGE:
                return [rows, key]
            rows.append((key, row))
            size += len(str(row))
        return [rows, None]

    async def put(store: "Store", table: str, rows: list) -> int:
        """Write rows, ``[[key, row], ...]``, as one commit, and return their number."""
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
        """Return the names of the files of a database."""
        leaves = sorted(name for name in os.listdir(store.folder) if "." in name)
        return [store.journal_path[len(store.folder) :]] + leaves

    async def check(store: "Store", file: str) -> dict:
        """Read every record of a file; return how many are whole, and the offsets of the others."""
        if file not in await Questions.files(store):
            return {"file": file, "gone": True}  # compacted or dropped in the meantime
        whole, damaged = 0, []
        with open(store.folder + file, "rb") as opened:
            for at, record in segment.records(opened):
                if record:
                    whole += 1
                else:
                    damaged.append(at)
                if (whole + len(damaged)) % 8 == 0:
                    record = None
                    await asyncio.sleep_ms(0)
            size = opened.seek(0, 2)
        return {"file": file, "records": whole, "bytes": size, "damaged": damaged[:50]}
