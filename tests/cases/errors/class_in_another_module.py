# ERROR: services/a/core.py:4: the service class A is not in services/a/__init__.py
from .core import A
# --- services/a/core.py
from torpor import Service


class A(Service):
    pass
