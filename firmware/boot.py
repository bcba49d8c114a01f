# The chip runs this file first. The radio takes seconds to join: it begins here, while the
# services are still being loaded.
import gc
import os

if ".new" in os.listdir("/"):  # a deploy that was cut off, perhaps right at its end
    import swap

    swap.finish()

# Without it, the garbage of imports lies between the modules, and what is free is in small pieces.
gc.threshold(gc.mem_free() // 4)

from torpor import wifi  # noqa: E402

wifi.begin()  # the build adds the host name and the power save
