"""``machine.RTC``: the host's clock, and on an ESP32 the memory that outlives all but power-off."""

import os
import time

from _sim import facts

_PATH = "/.sim/rtc.bin"  # the supervisor removes it at power-on
_SIZE = 2048


class RTC:
    def __init__(self, id=0):
        pass

    def datetime(self, value=None):
        if value is None:
            t = time.gmtime()
            return (t[0], t[1], t[2], t[6], t[3], t[4], t[5], 0)

    if facts["port"] == "esp32":

        def memory(self, data=None):
            if data is None:
                try:
                    with open(_PATH, "rb") as file:
                        return file.read()
                except OSError:
                    return b""
            if len(data) > _SIZE:
                raise ValueError("buffer too long")
            # The power may go at any instant: then it is the old memory or the new one.
            with open(_PATH + ".new", "wb") as file:
                file.write(data)
            os.rename(_PATH + ".new", _PATH)
