# ERROR: services/a/migrations/0003_more.py: migration 0003 comes where 0002 is expected
from torpor import Service


class A(Service):
    pass
# --- services/a/migrations/0001_create.py
def up(db):
    pass
# --- services/a/migrations/0003_more.py
def up(db):
    pass
