# The main.py of a production image. The firmware turns Ctrl-C on again for each file that it runs.
# However the kernel ends, the chip restarts: when this file ends, the firmware would show its
# prompt.
import micropython

micropython.kbd_intr(-1)
try:
    from torpor import kernel

    kernel.run()
finally:
    import time

    import machine

    time.sleep(1)  # for the last lines of the log to leave
    machine.reset()
