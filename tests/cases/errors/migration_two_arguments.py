# ERROR: services/a/migrations/0001_create.py:1: up takes 2 arguments
from torpor import Service


class A(Service):
    pass
# --- services/a/migrations/0001_create.py
def up(db, config):
    pass
