# ERROR: services/a/migrations/0001_create.py:1: up yields
from torpor import Service


class A(Service):
    pass
# --- services/a/migrations/0001_create.py
def up(db):
    yield db
