# ERROR: lib/pins.py:1:7: syntax error: invalid syntax
from torpor import Service


class A(Service):
    pass
# --- lib/pins.py
LED = = 3
