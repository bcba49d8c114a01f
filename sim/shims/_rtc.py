"""``machine.RTC``: the host's clock, and on an ESP32 the memory that outlives all but power-off."""

import os
import time

from _sim import facts

_PATH = "/.sim/rtc.bin"  # the supervisor removes it at power-on
_SIZE = 2048
_NEAR_S = 60  # a busy host may start a board this late after the time that it sets


def _seconds(value):
    """Seconds between a date as ``RTC.datetime`` has it and a fixed one.

    The calendar is the Gregorian one, with years that begin in March.
    """
    year, month, day, _, hour, minute, second, _ = value
    year, month = (year, month - 3) if month > 2 else (year - 1, month + 9)
    days = 365 * year + year // 4 - year // 100 + year // 400 + (153 * month + 2) // 5 + day
    return ((days * 24 + hour) * 60 + minute) * 60 + second


class RTC:
    def __init__(self, id=0):
        pass

    def datetime(self, value=None):
        t = time.gmtime()
        now = (t[0], t[1], t[2], t[6], t[3], t[4], t[5], 0)
        if value is None:
            return now
        if len(value) != 8:
            raise ValueError("requested length 8 but object has length %d" % len(value))
        # The host's clock is right, and is not ours to set.
        if abs(_seconds(value) - _seconds(now)) > _NEAR_S * facts["speed"]:
            raise NotImplementedError(
                "the simulator cannot set a board's clock to a time other than now; "
                "in a test, clock.set(unix) sets the time of the service"
            )
        return None

    if facts["port"] == "esp32":

        def init(self, value):
            self.datetime(value)

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
