"""A ring of readings in memory that is allocated once: six bytes for each reading."""

from array import array


class Ring:
    """The newest readings of one fridge, each a time in seconds and hundredths of a degree.

    Readings are numbered from the first one ever added; those from ``first`` up to but not
    including ``end`` are still held. Times never go back.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._times = array("I", bytes(4 * capacity))
        self._values = array("h", bytes(2 * capacity))
        self.first = 0
        self.end = 0

    def add(self, time: int, value: int) -> None:
        """Keep a reading; the oldest one makes room for it."""
        slot = self.end % self._capacity
        self._times[slot] = time
        self._values[slot] = value
        self.end += 1
        if self.end - self.first > self._capacity:
            self.first += 1

    def begin(self) -> int:
        """The time of the oldest reading held; far in the future if there is none."""
        return self.time(self.first) if self.first < self.end else 1 << 29

    def time(self, number: int) -> int:
        """The time of the reading with that number, in seconds."""
        return self._times[number % self._capacity]

    def value(self, number: int) -> int:
        """The temperature of the reading with that number, in hundredths of a degree."""
        return self._values[number % self._capacity]

    def number_at(self, time: int) -> int:
        """The number of the first reading taken at ``time`` or later; ``end`` if there is none."""
        low, high = self.first, self.end
        while low < high:
            middle = (low + high) // 2
            if self.time(middle) < time:
                low = middle + 1
            else:
                high = middle
        return low
