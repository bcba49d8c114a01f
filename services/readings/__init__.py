"""Keeps the temperatures of the last minutes and of a year, and serves them."""

import time
from collections.abc import AsyncIterator
from typing import TypedDict

from services.sensors import Sensors
from torpor import Fault, Service, clock, every, get, safe

from .archive import Archive
from .buckets import Buckets
from .ring import Ring

_MOST = 100  # readings in one answer: each costs about 150 bytes of heap until it is sent
_LINES = 20  # of CSV in a chunk


class Reading(TypedDict):
    """The temperature of a fridge at a time (Unix seconds)."""

    time: int
    celsius: float


class Readings(Service):
    """Samples every fridge, keeps the newest readings in RAM, and minutes, hours and days in flash.

    Config: points (readings of a fridge kept in RAM, six bytes each).
    """

    sensors: Sensors

    async def start(self) -> None:
        self._rings: dict[str, Ring] = {}
        self._samples = 0
        self._archive = Archive(self.store)

    @every(seconds=5)
    async def sample(self) -> None:
        """Take a reading of every fridge whose probe answers."""
        temperatures = await self.sensors.temperatures()
        values = {}
        for fridge, celsius in temperatures.items():
            if celsius is not None:
                values[fridge] = round(celsius * 100)
                ring = await self._ring(fridge)
                ring.add(_uptime(), values[fridge])
        self._samples += 1
        if clock.synced():
            await self._archive.add(clock.now(), values)

    @safe
    async def fridges(self) -> list[str]:
        """The names of all fridges, sorted."""
        return await self.sensors.fridges()

    @safe
    async def revision(self) -> int:
        """A number that grows with every sample."""
        return self._samples

    @get("/readings/<fridge>")
    async def newest(self, fridge: str, limit: int = 1) -> list[Reading]:
        """The last readings, newest first: time (Unix seconds) and celsius.

        Raises 404 for an unknown fridge and 400 for a ``limit`` beyond 100.
        """
        if not 0 < limit <= _MOST:
            raise Fault(400, "limit: expected 1 to %d, got %d" % (_MOST, limit))
        ring = await self._ring(fridge)
        offset = _offset()
        rows: list[Reading] = []
        for number in range(ring.end - 1, max(ring.first, ring.end - limit) - 1, -1):
            rows.append({"time": ring.time(number) + offset, "celsius": ring.value(number) / 100})
        return rows

    @safe
    async def window(
        self, fridge: str, since: int, until: int, points: int = 120
    ) -> list[list[float]]:
        """The readings between two times (Unix seconds) as at most ``points`` rows.

        A row is [time, lowest, mean, highest]. Readings that are no longer in RAM come from the
        minutes, hours or days, whichever is fine enough. Raises 404.
        """
        ring = await self._ring(fridge)
        offset = _offset()
        buckets = Buckets(since, until, points)
        if since < ring.begin() + offset:
            since = await self._archive.add_to(buckets, fridge, since, until)
        for number in range(ring.number_at(since - offset), ring.number_at(until - offset + 1)):
            value = ring.value(number)
            buckets.add(ring.time(number) + offset, value, value, value)
        return buckets.rows()

    @get("/readings/<fridge>/history.csv", content_type="text/csv")
    async def history(self, fridge: str) -> AsyncIterator[str]:
        """All readings of a fridge in RAM, oldest first. Raises 404."""
        ring = await self._ring(fridge)
        yield "time,celsius\r\n"
        number = ring.first
        while number < ring.end:
            end = min(number + _LINES, ring.end)
            yield "".join([_line(ring, n) for n in range(max(number, ring.first), end)])
            number = end

    async def _ring(self, fridge: str) -> Ring:
        if fridge not in self._rings:
            if fridge not in await self.sensors.fridges():
                raise Fault(404, "no fridge is called %s" % fridge)
            self._rings[fridge] = Ring(self.config["points"])
        return self._rings[fridge]


def _uptime() -> int:
    return clock.uptime_ms() // 1000


def _offset() -> int:
    # Rings count seconds since boot, so that their times stay in order when the clock is set.
    return clock.now() - _uptime()


def _line(ring: Ring, number: int) -> str:
    # By the reading's age, because time() counts from different years on different chips.
    taken = time.gmtime(int(time.time()) - (_uptime() - ring.time(number)))
    return "%d-%02d-%02dT%02d:%02d:%02dZ,%.2f\r\n" % (taken[:6] + (ring.value(number) / 100,))
