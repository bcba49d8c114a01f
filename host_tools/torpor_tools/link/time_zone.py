"""The changes of a time zone's offset, for a chip that has no time zones."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

# A fixed range of years, so that the same input gives the same image.
FIRST, LAST = datetime(2026, 1, 1, tzinfo=UTC), datetime(2046, 1, 1, tzinfo=UTC)
# No zone changes its offset twice within it. The shortest that zones have is summer time without
# the month of Ramadan: four weeks.
_STEP = timedelta(days=7)


def offsets(name: str) -> tuple[tuple[int, int], ...]:
    """Return pairs of a time (s since 1970) and the offset from UTC (s) that holds from then on."""
    return tuple(_changes(ZoneInfo(name)))


def _changes(zone: ZoneInfo) -> Iterator[tuple[int, int]]:
    at, offset = FIRST, _offset(zone, FIRST)
    yield 0, offset
    while at < LAST:
        following = at + _STEP
        new = _offset(zone, following)
        if new != offset:
            yield int(_instant(zone, at, following).timestamp()), new
            offset = new
        at = following


def _offset(zone: ZoneInfo, at: datetime) -> int:
    found = at.astimezone(zone).utcoffset()
    return int(found.total_seconds()) if found else 0


def _instant(zone: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """Return the minute between two times at which the offset changes."""
    before = _offset(zone, low)
    while high - low > timedelta(minutes=1):
        middle = low + timedelta(minutes=((high - low) // timedelta(minutes=1)) // 2)
        if _offset(zone, middle) == before:
            low = middle
        else:
            high = middle
    return high
