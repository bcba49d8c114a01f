# ERROR: services.a.rare is marked @cold, and this import keeps it loaded
from torpor import Service

from .rare import explain


class A(Service):
    async def read(self) -> str:
        return explain()


# --- services/a/rare.py
from torpor.cold import cold


@cold
def explain() -> str:
    return "because"
