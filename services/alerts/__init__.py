"""Watches the readings, and records alerts in a book."""

from services.readings import Readings
from torpor import Fault, Service, clock, every, get, post, put, safe

from .book import Book
from .records import Alert, SafeRange
from .watch import Watch


class Alerts(Service):
    """Raises an alert when a fridge leaves its safe range or its probe falls silent.

    Config: low, high (degrees), hysteresis (degrees), missing_after_s, history (alerts kept);
    a table fridges.<name> with low and high gives a fridge its own range, until a user sets
    another one.
    """

    readings: Readings

    async def start(self) -> None:
        self._book = Book(self.store, self.config["history"])
        await self._book.load()
        self._ranges = self.store.table("ranges")
        self._watches: dict[str, Watch] = {}

    @every(seconds=5)
    async def check(self) -> None:
        """Judge every fridge by its newest reading."""
        for fridge in await self.readings.fridges():
            newest = await self.readings.newest(fridge, 1)
            if newest:
                silence = clock.now() - newest[0]["time"]
            else:
                silence = clock.uptime_ms() // 1000
            if silence > self.config["missing_after_s"]:
                await self._see(fridge, None)
            elif newest:
                await self._see(fridge, newest[0]["celsius"])

    @get("/alerts")
    async def open_alerts(self) -> list[Alert]:
        """The alerts that are not both over and acknowledged, newest first."""
        return self._book.open()

    @get("/alerts/<fridge>")
    async def history(self, fridge: str, limit: int = 20) -> list[Alert]:
        """The last alerts of a fridge, newest first. Raises 404 for an unknown fridge."""
        await self._watch(fridge)
        return await self._book.of(fridge, limit)

    @post("/alerts/<id>/acknowledge")
    async def acknowledge(self, id: int, by: str) -> Alert:
        """Note that ``by`` has seen the alert. Raises 404 if the alert is not stored."""
        alert = await self._book.acknowledge(id, by)
        if alert is None:
            raise Fault(404, "no alert has the id %d" % id)
        self.log.info("alert %d acknowledged by %s", id, by)
        return alert

    @get("/thresholds")
    async def ranges(self) -> dict[str, SafeRange]:
        """The safe range (low, high in degrees) and the state of every fridge."""
        ranges = {}
        for fridge in await self.readings.fridges():
            ranges[fridge] = (await self._watch(fridge)).as_dict()
        return ranges

    @get("/thresholds/<fridge>")
    async def thresholds(self, fridge: str) -> SafeRange:
        """The safe range of a fridge and the resulting state. Raises 404."""
        return (await self._watch(fridge)).as_dict()

    @put("/thresholds/<fridge>")
    async def set_thresholds(self, fridge: str, low: float, high: float) -> SafeRange:
        """Give a fridge its own range. Raises 400 and 404."""
        if low >= high:
            raise Fault(400, "low must be below high")
        watch = await self._watch(fridge)
        await self._ranges.put(fridge, {"low": low, "high": high})
        watch.low, watch.high = low, high
        self._book.revision += 1
        self.log.info("%s: safe from %.1f to %.1f", fridge, low, high)
        return watch.as_dict()

    @safe
    async def revision(self) -> int:
        """A number that grows whenever an alert or a range changes."""
        return self._book.revision

    async def _watch(self, fridge: str) -> Watch:
        if fridge not in self._watches:
            if fridge not in await self.readings.fridges():
                raise Fault(404, "no fridge is called %s" % fridge)
            own = await self._ranges.get(fridge)
            own = own or self.config.get("fridges", {}).get(fridge, self.config)
            last = self._book.last(fridge)
            self._watches[fridge] = Watch(fridge, own["low"], own["high"], last)
        return self._watches[fridge]

    async def _see(self, fridge: str, celsius: float | None) -> None:
        watch = await self._watch(fridge)
        if await watch.see(celsius, self.config["hysteresis"], self._book, clock.now()):
            self.log.warning("%s: %s (%s)", fridge, watch.state, celsius)
