# The chip runs this file first. The radio takes seconds to join: it begins here, while the
# services are still being loaded.
import os

if ".new" in os.listdir("/"):  # a deploy that was cut off, perhaps right at its end
    import swap

    swap.finish()

from torpor import wifi

wifi.begin()  # the build adds the host name and the power save
