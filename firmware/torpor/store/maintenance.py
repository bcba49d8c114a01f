"""What a table needs now and then: counting, dropping what is out of its bounds, refusing."""

import asyncio
from os import remove

from micropython import const

from .. import clock
from ..service import Fault
from .index import place, split

_MS = const(100_000_000_000)  # a key above is a time in ms: 1973 in ms, the year 5138 in s


def drop(table, i: int) -> None:
    """Remove a leaf with its rows."""
    leaves = table.leaves
    leaves.close()
    remove(leaves.path(leaves.bounds[i]))
    leaves.bounds.pop(i)
    leaves.maps.pop(i)


def trim(table):
    """Drop the leaves that ``keep`` and ``max_age`` allow to go; a generator of steps."""
    leaves = table.leaves
    bounds = leaves.bounds
    if table.keep and len(bounds) > 1:
        total = 0
        for i in range(len(bounds)):
            total += leaves.map(i)[2]
            yield
        while len(bounds) > 1 and total - leaves.map(0)[2] >= table.keep:
            total -= leaves.map(0)[2]
            drop(table, 0)
            yield
    if table.max_age and clock.synced():
        oldest = clock.now() - table.max_age
        while len(bounds) > 1 and bounds[1] <= (oldest * 1000 if bounds[1] > _MS else oldest):
            drop(table, 0)
            yield


async def prune(table, before) -> None:
    """Remove the rows below ``before``: whole leaves first, which needs no room."""
    async with table.store.lock:
        while len(table.leaves.bounds) > 1 and table.leaves.bounds[1] <= before:
            drop(table, 0)
            await asyncio.sleep_ms(0)
    async for keys, _ in table.pages(None, before):
        for n in range(0, len(keys), 32):
            async with table.store.batch():
                for key in keys[n : n + 32]:
                    await table.delete(key)


async def count(table) -> int:
    """How many rows a table has."""
    leaves = table.leaves
    total = 0
    for i in range(len(leaves.bounds)):
        total += leaves.map(i)[2]
        await asyncio.sleep_ms(0)
    recent, texts = table.recent()
    for n, key in enumerate(recent):
        keys = split(leaves.find(key)[2])[0]
        at = place(keys, key)
        total += bool(texts[n]) - (at < len(keys) and keys[at] == key)
    return total


# What is raised for a write that cannot be.


def not_above(table, key, last):
    name = table.name.split(".")[0]
    return Fault(
        409, "%s: key %s is not above the last, %s: add takes the next" % (name, _brief(key), last)
    )


def no_key(table, key):
    name = table.name.split(".")[0]
    text = "%s: no key for this table, %s: keys are all int (64 bits) or all str (1 to 64 bytes)"
    return Fault(400, text % (name, _brief(key)))


def no_row(table, row):
    from .plain import ROW
    from .refusal import reason

    status, why = reason(row, ROW, "row")
    return Fault(status, "%s: %s" % (table.name.split(".")[0], why))


def _brief(key) -> str:
    from .plain import utf8

    if isinstance(key, str) and utf8(key[:80]):
        return repr(key[:80])
    if isinstance(key, int) and key >> 63 in (0, -1):
        return str(key)
    return "of type " + type(key).__name__


def no_entry(value, key, held: str, most: int):
    """An index cannot hold ``value`` for the row at ``key``: ``held`` would have more than ``most``
    bytes, or could not be read again.
    """
    if isinstance(value, (dict, list)):
        wrong = "is a %s" % type(value).__name__  # a dict's keys come in any order
    elif isinstance(key, int) and key < 0:
        wrong = "belongs to a negative key"
    elif len(held.encode()) > most:
        wrong = "is longer than %d bytes with the key" % most
    else:
        wrong = "holds the character 0x7f"
    return Fault(400, "an index cannot hold the value of its field: it " + wrong)
