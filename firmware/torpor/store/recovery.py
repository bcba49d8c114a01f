"""Opens a database: finishes or undoes work that a power cut interrupted."""

import gc
import os
from binascii import unhexlify
from json import loads

from micropython import const

from ..cold import cold
from . import compact, reserve, segment
from .table import Table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .database import Store


CATALOGS = ("_", "_copy")
_SCATTERED = const(512)  # bytes of a journal


def _make_folder(folder: str) -> None:
    for path in (folder.rpartition("/")[0], folder, folder + "/log"):
        try:
            os.mkdir(path)
        except OSError:
            pass  # it exists


@cold
def load(store: "Store") -> None:
    """Read the journal and the names of all files; forget rows that were not committed."""
    close(store)
    _make_folder(store.folder[:-1])
    store.bounds = {}
    store.tables = {}
    for entry in os.ilistdir(store.folder):
        name = entry[0]
        if name[-1] == "~":
            os.remove(store.folder + name)
        elif "." in name:
            full, bound = name.rsplit(".", 1)
            key = str(unhexlify(bound[1:]), "utf-8") if bound[0] == "x" else int(bound)
            store.bounds.setdefault(full, []).append(key)
    store.dirty = False
    store.size = 0
    store.journal = open(store.journal_path, "ab")
    reserve.keep(store)
    _replay(store)
    if store.size > _SCATTERED:
        _pack(store)
    _forget_invalid(store)


@cold
def failed(store: "Store", error: OSError) -> Exception:
    """Return the exception for an error. The journal is again as it was at the last commit."""
    try:
        store.journal.close()
    except OSError:
        pass
    store.journal = open(store.journal_path, "ab")
    store.dirty = False
    return reserve.full() if error.errno == segment.ENOSPC else error


@cold
def generation(store: "Store", name: str, number: int) -> Table:
    """Return a generation of a table, valid or not."""
    full = "%s.%d" % (name, number)
    if full not in store.tables:
        store.tables[full] = Table(store, full, store.bounds.pop(full, []))
    return store.tables[full]


@cold
def fact(store: "Store", key: str) -> "Any":
    """Return the value that the last migration stored under ``key``, or None.

    Two tables hold the same facts, because losing them to a damaged block would lose the tables
    that they describe.
    """
    for copy in CATALOGS:
        found = generation(store, copy, 0).find(key)
        if found is not None:
            return found
    return None


@cold
def version(store: "Store") -> int:
    """Return how many migrations have run on the data."""
    return fact(store, "version") or 0


@cold
def generation_of(store: "Store", name: str) -> int:
    """Return the valid generation of a table; a migration writes the next one."""
    return fact(store, "t:" + name) or 0


@cold
def table(store: "Store", name: str, keep: int, max_age: int, lazy: bool) -> Table:
    """Return a table of a service: see ``Store.table``."""
    if "." in name or name[:1] in "_~":
        raise ValueError("no name for a table: " + name)
    opened = generation(store, name, generation_of(store, name))
    if keep != opened.keep or max_age != opened.max_age or lazy != opened.lazy:
        opened.keep = keep
        opened.max_age = max_age
        opened.lazy = lazy
    if store.indexing:
        store.indexing.attach(store, opened, name)
    return opened


@cold
def close(store: "Store") -> None:
    """Close all files."""
    if store.journal:
        store.journal.close()
    for table in store.tables.values():
        table.leaves.close()


def _replay(store) -> None:
    with open(store.journal_path, "rb") as file:
        for _, found in segment.records(file):
            if not found:
                store.lost += 1
                continue
            store.size += len(found[0])
            texts = segment.values(found[0])
            names = loads(texts[0])
            for n in range(0, len(names), 2):
                name, number = names[n].split(".")
                generation(store, name, int(number)).apply(names[n + 1], texts[n // 2 + 1])


def _pack(store) -> None:
    """Move the rows of the journal next to each other in the heap.

    Reading them has left holes of about 1 kB between them, and a heap full of such holes has no
    room for a page of a table.
    """
    gc.collect()
    for table in store.tables.values():
        table.texts = [text and bytes(memoryview(text)) for text in table.texts]


def _forget_invalid(store) -> None:
    """Remove the generations of tables that a migration wrote and did not commit."""
    broken = False
    for full in list(store.bounds) + list(store.tables):
        name, number = full.split(".")
        if full in store.tables and name in CATALOGS:
            continue
        if int(number) != generation_of(store, name):
            table = generation(store, name, int(number))
            while table.leaves.bounds:
                compact.drop(table.leaves, 0)
                compact.feed()
            broken = broken or bool(table.keys)
            del store.tables[full]
    if broken:  # their rows are still in the journal
        try:
            compact.finish(store)
        except OSError as e:
            if e.errno != segment.ENOSPC or not reserve.spend(store):
                raise
            compact.finish(store)
