# ERROR: services/a/migrations/1_create.py: 1_create.py is not a valid name for a migration
from torpor import Service


class A(Service):
    pass
# --- services/a/migrations/1_create.py
def up(db):
    pass
