# ERROR: services/a/migrations/0001_create.py:1: up must not be async: the kernel calls up(db)
from torpor import Service


class A(Service):
    pass
# --- services/a/migrations/0001_create.py
async def up(db):
    pass
