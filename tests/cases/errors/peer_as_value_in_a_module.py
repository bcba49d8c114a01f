# ERROR: services/a/rules.py:5: B is used as a value
from torpor import Service


class A(Service):
    pass
# --- services/a/rules.py
from services.b import B


def known(x):
    return type(x) is B
