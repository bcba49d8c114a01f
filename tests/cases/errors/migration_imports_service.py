# ERROR: services/a/migrations/0001_create.py:1: a migration imports services.a.units, which may change later
from torpor import Service


class A(Service):
    pass
# --- services/a/units.py
SCALE = 100
# --- services/a/migrations/0001_create.py
from services.a.units import SCALE


def up(db):
    db.put("scale", 1, {"value": SCALE})
