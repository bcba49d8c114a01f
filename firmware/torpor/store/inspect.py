"""What the cluster's tools may ask of a board's databases. Each function is one call."""

import asyncio
import os

from micropython import const

from .. import clock, kernel
from ..service import Fault
from . import forget, opening, segment, wear
from .database import Store

forget("opening")
forget("wear")

_PAGE = const(6000)  # bytes of rows in an answer


def _store(service: str):
    """The database of a service, also of one that did not start."""
    k = kernel.current
    if service not in k.cluster.SERVICES:
        raise Fault(404, "%s has no service %s" % (k.cluster.BOARD, service))
    if service not in k.failed:
        store = getattr(k.services[service], "store", None)
        if store:
            return store
    elif service in os.listdir("/data"):
        return Store(service)
    raise Fault(404, "%s keeps no data" % service)


def _table(service: str, table: str):
    if table not in _names(_store(service)):
        raise Fault(404, "%s has no table %s" % (service, table))
    return _any_table(service, table)


def _any_table(service: str, table: str):
    """A table, which for ``put`` need not exist yet, with what its service has said of it."""
    store = _store(service)
    return opening.generation(store, table, opening.generation_of(store, table))


def _names(store) -> list:
    found = []
    for full in list(store.bounds) + list(store.tables):
        name = full.split(".")[0]
        valid = full == "%s.%d" % (name, opening.generation_of(store, name))
        if valid and name not in opening.CATALOGS and "-" not in name:
            found.append(name)
    return sorted(found)


async def state(service: str) -> dict:
    """Migrations done, tables, wear; why the service did not start, if it did not."""
    store = _store(service)
    blocks = os.statvfs("/")[2]
    return {
        "migrations": opening.fact(store, "version") or 0,
        "failed": kernel.current.failed.get(service),
        "tables": _names(store),
        "wear": wear.report(store, clock.uptime_ms() // 1000, blocks),
    }


async def count(service: str, table: str) -> int:
    """How many rows a table has."""
    return await _table(service, table).count()


async def page(service: str, table: str, since=None) -> list:
    """Rows from the key ``since`` on, ``[[key, row], ...]``, and the key to go on with or None."""
    rows: list = []
    size = 0
    async for key, row in _table(service, table).scan(since):
        if size > _PAGE:
            return [rows, key]
        rows.append((key, row))
        size += len(str(row))
    return [rows, None]


async def put(service: str, table: str, rows: list) -> int:
    """Write rows, ``[[key, row], ...]``, as one commit."""
    target = _any_table(service, table)
    store = _store(service)
    if store.indexing:
        store.indexing.attach(store, target, table)
    async with store.batch():
        for key, row in rows:
            await target.put(key, row)
    return len(rows)


async def clear(service: str, table: str) -> None:
    """Remove all rows of a table."""
    target = _table(service, table)
    last = target.last()
    if last is not None:
        await target.prune(last + 1 if isinstance(last, int) else last + "\x01")


async def files(service: str) -> list:
    """The files of a database."""
    store = _store(service)
    leaves = sorted(name for name in os.listdir(store.folder) if "." in name)
    return [store.journal_path[len(store.folder) :]] + leaves


async def check(service: str, file: str) -> dict:
    """Read every record of a file: how many are whole, and where one is not."""
    store = _store(service)
    if file not in await files(service):
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
