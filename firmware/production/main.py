# The main.py of a production image. However the kernel ends, the chip starts anew: when this file
# ends, the firmware would show its prompt.
import time

import machine

try:
    from torpor import kernel

    kernel.run()
finally:
    time.sleep(1)  # for the last lines of the log to leave
    machine.reset()
