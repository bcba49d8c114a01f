"""A GPS receiver that sends NMEA 0183 once a second (as u-blox NEO-6M: its protocol, UBX-G6-M)."""

import time

from . import Every, UARTDevice


def _angle(value, digits, sides):
    side = sides[0] if value >= 0 else sides[1]
    minutes = round(abs(value) * 60, 5)
    return "%0*d%08.5f,%s" % (digits, int(minutes // 60), minutes % 60, side)


class Model(UARTDevice):
    BUS = "uart"
    INPUTS = {
        "latitude": 48.1173,
        "longitude": 11.5167,
        "altitude": 545.4,
        "speed": 0.0,
        "course": 0.0,
        "satellites": 8,
    }
    RANGES = {
        "latitude": (-90, 90, "°"),
        "longitude": (-180, 180, "°"),
        "altitude": (-1000, 50000, "m"),
        "speed": (0, 1800, "km/h"),
        "course": (0, 360, "°"),
        "satellites": (0, 12),
    }

    def begin(self):
        self._every = Every(1000)

    def due(self):
        return self._every.left()

    def send(self, now):
        return self._sentences() if self._every.passed() else b""

    def _sentences(self):
        """Return GGA and RMC. Without a fix, their fields for the position are empty."""
        t = time.gmtime()
        clock = "%02d%02d%02d.00" % (t[3], t[4], t[5])
        date = "%02d%02d%02d" % (t[2], t[1], t[0] % 100)
        satellites = int(self.sense("satellites"))
        fix = satellites >= 3
        place = ",,,"
        if fix:
            latitude = _angle(self.sense("latitude"), 2, "NS")
            place = latitude + "," + _angle(self.sense("longitude"), 3, "EW")
        height = "%.1f" % self.sense("altitude") if fix else ""
        gga = "GPGGA,%s,%s,%d,%02d,1.0,%s,M,46.9,M,," % (clock, place, fix, satellites, height)
        motion = "%.2f,%.1f" % (self.sense("speed") / 1.852, self.sense("course"))  # knots
        rmc = "GPRMC,%s,%s,%s,%s,%s,," % (clock, "A" if fix else "V", place, motion, date)
        return sentence(gga) + sentence(rmc)


def sentence(text):
    check = 0
    for character in text:
        check ^= ord(character)
    return ("$%s*%02X\r\n" % (text, check)).encode()
