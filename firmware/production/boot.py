# Stands before boot.py in a production image: from here on Ctrl-C is a byte like any other, so the
# serial line leads to no prompt.
import micropython

micropython.kbd_intr(-1)
