"""A summary of many readings: the lowest, the mean and the highest of each period."""


class Buckets:
    """Accepts readings in the order of their times and combines them into at most ``points`` rows.

    The readings are those from ``since`` to ``until`` (seconds, both included). Periods begin at
    multiples of their width, so that a row does not change while the window moves over it. A period
    without a reading has no row.
    """

    def __init__(self, since: int, until: int, points: int) -> None:
        self.width = max(1, -(-(until - since + 1) // max(1, points - 1)))
        self._rows: list[list[float]] = []
        self._period = -1
        self._time = self._low = self._total = self._high = self._count = 0

    def add(self, time: int, low: int, mean: int, high: int) -> None:
        """Add a reading, or a summary of several, in hundredths of a degree."""
        period = time // self.width
        if period != self._period:
            self._end()
            self._period = period
            self._low, self._high = low, high
            self._total = self._count = 0
        self._time = time
        self._low = min(self._low, low)
        self._high = max(self._high, high)
        self._total += mean
        self._count += 1

    def rows(self) -> list[list[float]]:
        """The rows ``[time, low, mean, high]``: the time of the last reading, then degrees."""
        self._end()
        self._count = 0
        return self._rows

    def _end(self) -> None:
        if self._count:
            mean = round(self._total / (100 * self._count), 2)
            self._rows.append([self._time, self._low / 100, mean, self._high / 100])
