# ERROR: reasons is lost: everything in this module is marked, so it is released as a whole
from torpor import Service


class A(Service):
    async def read(self) -> int:
        from .rare import count

        return count()


# --- services/a/rare.py
from torpor.cold import cold

reasons = []


@cold
def count() -> int:
    reasons.append(1)
    return len(reasons)
