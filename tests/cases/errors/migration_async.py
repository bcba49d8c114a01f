# ERROR: services/a/migrations/0001_create.py:1: up is called by the kernel as up(db), and must not be async
from torpor import Service


class A(Service):
    pass
# --- services/a/migrations/0001_create.py
async def up(db):
    pass
