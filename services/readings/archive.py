"""The temperatures in flash: minutes, hours and days; older ones are coarser.

A row of ``minutes`` has the mean of each fridge, in hundredths of a degree. A row of ``hours`` or
``days`` has the lowest, the mean and the highest. Keys are the Unix times at which the periods
begin. When the clock is set back, minutes continue one second apart after the last one, until time
has caught up.
"""

from .buckets import Buckets

MINUTE, HOUR, DAY = 60, 3600, 86400
_MINUTES = 3 * 1440  # rows kept: three days, about 250 kB
_HOURS = 90 * 24  # about 190 kB
_DAYS = 400


class Archive:
    """The tables of the readings, in a service's ``store``."""

    def __init__(self, store) -> None:
        self._minutes = store.table("minutes", keep=_MINUTES)
        self._hours = store.table("hours", keep=_HOURS)
        self._days = store.table("days", keep=_DAYS)
        self._sums: dict[str, list[int]] = {}  # of the current minute: total and count
        self._minute = 0

    async def add(self, now: int, values: dict[str, int]) -> bool:
        """Add the values of all fridges; return whether a minute was written."""
        written = False
        if now // MINUTE != self._minute:
            written = await self._write_minute()
            self._minute = now // MINUTE
        for fridge, value in values.items():
            total = self._sums.setdefault(fridge, [0, 0])
            total[0] += value
            total[1] += 1
        return written

    async def _write_minute(self) -> bool:
        row = {fridge: total // count for fridge, (total, count) in self._sums.items()}
        self._sums.clear()
        if not row:
            return False  # nothing measured
        last = self._minutes.last()
        key = await self._minutes.add(row, self._minute * MINUTE)
        if last is None or key // HOUR != last // HOUR:
            await self.summarise(key)
        return True

    async def summarise(self, now: int) -> None:
        """Write the hours and days that have ended by ``now`` and are not written yet."""
        await _summarise(self._minutes, self._hours, HOUR, now)
        await _summarise(self._hours, self._days, DAY, now)

    async def add_to(self, buckets: Buckets, fridge: str, since: int, until: int) -> int:
        """Add the rows of a fridge to ``buckets``, from the coarsest table that is fine enough.

        Returns the time at which the rows of the tables end.
        """
        for table, width in ((self._days, DAY), (self._hours, HOUR), (self._minutes, MINUTE)):
            if width > buckets.width and width > MINUTE:
                continue
            async for times, rows in table.pages(since, until + 1):
                for time, row in zip(times, rows):
                    value = row.get(fridge)
                    if value is not None:
                        low, mean, high = value if isinstance(value, list) else (value,) * 3
                        buckets.add(time, low, mean, high)
                since = times[-1] + width
        return since


async def _summarise(source, target, width: int, now: int) -> None:
    last = target.last()
    since = None if last is None else last + width
    begun = None
    sums: dict[str, list[int]] = {}
    async for times, rows in source.pages(since, now // width * width):
        for time, row in zip(times, rows):
            if begun != time // width * width:
                await _write(target, begun, sums)
                begun = time // width * width
            for fridge, value in row.items():
                low, mean, high = value if isinstance(value, list) else (value,) * 3
                sum = sums.setdefault(fridge, [low, 0, high, 0])
                sum[0] = min(sum[0], low)
                sum[1] += mean
                sum[2] = max(sum[2], high)
                sum[3] += 1
    await _write(target, begun, sums)


async def _write(target, begun: int | None, sums: dict[str, list[int]]) -> None:
    if sums:
        row = {fridge: [low, total // n, high] for fridge, (low, total, high, n) in sums.items()}
        sums.clear()
        await target.append(row, begun)
