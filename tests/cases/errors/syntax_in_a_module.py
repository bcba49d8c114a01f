# ERROR: services/a/rules.py:1:7: syntax error
from torpor import Service


class A(Service):
    pass
# --- services/a/rules.py
def f(:
