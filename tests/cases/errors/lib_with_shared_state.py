# ERROR: lib/shared.py:1: cache of shared changes while the program runs, and b and a share it
# ERROR: lib/shared.py:2: last of shared changes while the program runs, and b and a share it
# ERROR: lib/shared.py:4: limits of shared changes while the program runs, and b and a share it
# ERROR: lib/shared.py:8: Meter of shared changes while the program runs, and b and a share it
# ERROR: lib/shared.py:32: the default of seen in remember() of shared changes while
# ERROR: lib/shared.py:37: the default of totals in count() of shared changes while
# ERROR: lib/shared.py:19: meter of shared changes while the program runs, and b and a share it
import shared
from torpor import Service


class A(Service):
    async def read(self) -> int:
        shared.limits["high"] = 9
        return shared.note(3)
# --- services/b/__init__.py
from through import note
from torpor import Service


class B(Service):
    async def newest(self) -> int:
        return note(4)
# --- lib/through.py
from shared import note
# --- lib/shared.py
cache = {}
last = None
TABLE = {1: "low", 2: "high"}
limits = {"high": 8}
names = ["a"]


class Meter:
    count = 0

    def __init__(self):
        self.total = 0

    def add(self, value):
        self.total += value
        Meter.count += 1


meter = Meter()


def note(value):
    global last
    last = value
    cache[value] = TABLE[1]
    names = []
    names.append(value)
    meter.add(value)
    return len(names)


def remember(value, seen=[]):
    seen.append(value)
    return len(seen)


def count(name, *, totals={}, step=1, table=(1, 2), given=None):
    totals[name] = totals.get(name, 0) + step
    if given is not None:
        given.append(table[0])
    return totals[name]
