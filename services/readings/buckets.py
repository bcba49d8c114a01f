"""Many readings told as few: the lowest, the mean and the highest of each stretch of time."""

from .ring import Ring


def buckets(ring: Ring, since: int, until: int, points: int) -> list[list[float]]:
    """At most ``points`` rows ``[time, low, mean, high]`` for the readings from ``since`` to
    ``until`` (seconds, both included); ``time`` is that of the row's last reading, the rest is in
    degrees. A stretch without a reading has no row.

    Stretches begin at whole multiples of their width, so that a row stays what it is while
    the window moves on over it.
    """
    width = max(1, -(-(until - since + 1) // max(1, points - 1)))
    rows: list[list[float]] = []
    number = ring.number_at(since)
    end = ring.number_at(until + 1)
    while number < end:
        low = high = total = ring.value(number)
        first = number
        stretch = ring.time(number) // width
        number += 1
        while number < end and ring.time(number) // width == stretch:
            value = ring.value(number)
            low = min(low, value)
            high = max(high, value)
            total += value
            number += 1
        mean = total / (100 * (number - first))
        rows.append([ring.time(number - 1), low / 100, round(mean, 2), high / 100])
    return rows
