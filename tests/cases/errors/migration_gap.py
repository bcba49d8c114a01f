# ERROR: services/a/migrations/0003_more.py: found migration 0003 instead of 0002
from torpor import Service


class A(Service):
    pass
# --- services/a/migrations/0001_create.py
def up(db):
    pass
# --- services/a/migrations/0003_more.py
def up(db):
    pass
