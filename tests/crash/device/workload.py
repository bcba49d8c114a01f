"""The writes of the crash tests, and the rows that must exist afterwards.

A step is one commit: it is done to the store and to the model, a dict of dicts. ``log`` is bounded
(``keep``), so its newest rows must exist, and older ones may.
"""

import random

from torpor.store import database, migrate, recovery, secondary

KEEP = 120
MIGRATIONS = ("0001_create", "0002_by_group", "0003_larger_numbers", "0004_drop_sums")
NAME = "crash"


def opened(root, known):
    """Return the database with the first ``known`` migrations done."""
    return Tables(migrate.opened(NAME, MIGRATIONS[:known], secondary, root))


def as_it_is(root):
    """Return the database as it is at a start, without running any migration."""
    store = database.opened(NAME, 99, root)
    store.indexing = secondary
    return Tables(store)


_open = []


def close():
    """Close all files: if the collector closed them, the heap would be locked."""
    while _open:
        recovery.close(_open.pop())


class Tables:
    """The tables of the workload."""

    def __init__(self, store) -> None:
        self.store = store
        _open.append(store)
        self.log = store.table("log", keep=KEEP)
        self.kv = store.table("kv")
        self.num = store.table("num")
        self.sums = store.table("sums")

    def all(self):
        return {"log": self.log, "kv": self.kv, "num": self.num, "sums": self.sums}

    def read(self):
        """Return every row, by table and key, and the version."""
        found = {"version": recovery.version(self.store)}
        for name, table in self.all().items():
            rows = found[name] = {}
            last = None
            for keys, page in table.walk():
                for key, row in zip(keys, page):
                    assert last is None or last < key, "keys out of order"
                    rows[key] = row
                    last = key
        return found


def empty():
    return {"version": 0, "log": {}, "kv": {}, "num": {}, "sums": {}}


def steps(seed, commits):
    """Yield commits: ``("write", [(table, key, row), ...])`` or ``("migrate", number)``."""
    random.seed(seed)
    log = 0
    for n in range(commits):
        if n % (commits // 5) == commits // 10 and n // (commits // 5) < len(MIGRATIONS):
            yield "migrate", n // (commits // 5) + 1
        writes = []
        for _ in range(random.randint(2, 6) if n % 9 == 0 else 1):
            kind = random.getrandbits(3)
            if kind < 3:
                log += 1
                writes.append(("log", log, {"n": n, "text": "x" * random.getrandbits(6)}))
            elif kind < 6:
                row = {"v": n, "group": "g%d" % (n % 4), "t": "y" * random.getrandbits(7)}
                remove = random.getrandbits(2) == 0
                writes.append(("kv", "k%d" % random.getrandbits(6), None if remove else row))
            else:
                remove = random.getrandbits(2) == 0
                writes.append(("num", random.getrandbits(7), None if remove else {"v": n}))
        yield "write", writes


def apply(model, step):
    """Do a step to the model."""
    kind, what = step
    if kind == "write":
        for table, key, row in what:
            if row is None:
                model[table].pop(key, None)
            else:
                model[table][key] = row
        return
    model["version"] = what
    num = model["num"]
    if what == 1:
        num[-1] = {"v": 0, "from": "the first migration"}
    elif what == 2:
        num[-2] = {"v": 0}
    elif what == 3:
        for key, row in list(num.items()):
            if row["v"] % 7 == 3:
                del num[key]
            else:
                num[key] = {"v": row["v"] * 10, "scaled": True}
        model["sums"] = {key: {"v": row["v"]} for key, row in num.items()}
        num.pop(-2, None)
    else:
        model["sums"] = {}


async def perform(root, tables, step):
    """Do a step to the store; returns the tables, which a migration opens again."""
    kind, what = step
    if kind == "migrate":
        tables.store.flush()
        return opened(root, what)
    here = tables.all()
    if len(what) == 1:
        table, key, row = what[0]
        await here[table].put(key, row)
    else:
        async with tables.store.batch():
            for table, key, row in what:
                await here[table].put(key, row)
    return tables


def difference(found, model):
    """Return the difference between the rows and the model; empty if there is none."""
    for name in ("version", "kv", "num", "sums"):
        if found[name] != model[name]:
            return "%s is %s, not %s" % (name, _brief(found[name], model[name]), "as expected")
    log, expected = found["log"], model["log"]
    for key, row in log.items():
        if expected.get(key) != row:
            return "log has %s under %s" % (row, key)
    newest = sorted(expected)[-KEEP:]
    for key in newest:
        if key not in log:
            return "log lacks %s" % key
    return ""


def _brief(found, expected):
    if not isinstance(found, dict):
        return found
    keys = [k for k in found if found[k] != expected.get(k)]
    keys += [k for k in expected if k not in found]
    return ["%s: %s" % (k, found.get(k)) for k in keys[:3]]
