# ERROR: services/a/migrations/0001_other.py: two migrations have the number 0001: 0001_create and 0001_other
from torpor import Service


class A(Service):
    pass
# --- services/a/migrations/0001_create.py
def up(db):
    pass
# --- services/a/migrations/0001_other.py
def up(db):
    pass
