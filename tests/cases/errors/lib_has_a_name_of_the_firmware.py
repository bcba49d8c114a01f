# ERROR: lib/neopixel.py: the firmware of RPI_PICO_W has a module neopixel of its own
# ERROR: lib/torpor.py: torpor uses the name torpor itself
from torpor import Service


class A(Service):
    pass
# --- lib/neopixel.py
LIMIT = 3
# --- lib/torpor.py
LIMIT = 3
