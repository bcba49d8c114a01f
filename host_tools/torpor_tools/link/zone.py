"""The changes of a time zone's offset, for a chip that has no time zones."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

# Not the years from now on: the same input gives the same image.
_FIRST, _LAST = datetime(2026, 1, 1, tzinfo=UTC), datetime(2041, 1, 1, tzinfo=UTC)


def offsets(name: str) -> tuple[tuple[int, int], ...]:
    """From when on (s since 1970) which offset from UTC counts (s); the first from ever on."""
    return tuple(_changes(ZoneInfo(name)))


def _changes(zone: ZoneInfo) -> Iterator[tuple[int, int]]:
    at, offset = _FIRST, _offset(zone, _FIRST)
    yield 0, offset
    while at < _LAST:
        following = at + timedelta(days=1)
        if _offset(zone, following) != offset:
            changed = _instant(zone, at, following)
            offset = _offset(zone, following)
            yield int(changed.timestamp()), offset
        at = following


def _offset(zone: ZoneInfo, at: datetime) -> int:
    found = at.astimezone(zone).utcoffset()
    return int(found.total_seconds()) if found else 0


def _instant(zone: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """The minute of that day at which the offset changes."""
    before = _offset(zone, low)
    while high - low > timedelta(minutes=1):
        middle = low + timedelta(minutes=((high - low) // timedelta(minutes=1)) // 2)
        if _offset(zone, middle) == before:
            low = middle
        else:
            high = middle
    return high
