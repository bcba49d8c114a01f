# ERROR: services/a/__init__.py:5: A derives from rules.Base, another name for Service
from services.a import rules


class A(rules.Base):
    async def read(self) -> int:
        return 1
# --- services/a/rules.py
import torpor

Base = torpor.Service if torpor else object
