# The chip runs this file after boot.py.
from torpor import kernel

kernel.run()
