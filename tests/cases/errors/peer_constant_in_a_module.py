# ERROR: services/a/rules.py:1: LIMIT of b is not its service class
from torpor import Service


class A(Service):
    pass
# --- services/a/rules.py
from services.b import LIMIT
