# ERROR: services/a/migrations/0001_create.py: the migration has no function up
from torpor import Service


class A(Service):
    pass
# --- services/a/migrations/0001_create.py
def down(db):
    pass
