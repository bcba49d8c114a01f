# The boot.py of a production image: Ctrl-C is a byte like any other, and an error does not lead to
# the prompt, as it would without main.py.
import micropython

micropython.kbd_intr(-1)
try:
    ...  # here the build puts boot.py
except BaseException:
    import machine

    machine.reset()
