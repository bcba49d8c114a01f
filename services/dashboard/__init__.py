"""Shows everything on a page, and serves the data for it."""

from typing import TypedDict

from services.alerts import Alert, Alerts
from services.device import Device, Status
from services.readings import Readings
from torpor import Fault, Service, clock, get, post

from . import web

_YEAR = 366 * 1440  # minutes


class Fridge(TypedDict):
    """A fridge on the page; unknown values are None."""

    name: str
    celsius: float | None
    time: int | None
    low: float | None
    high: float | None
    state: str | None


class Overview(TypedDict):
    """Everything on the page except the chart."""

    now: int
    fridges: list[Fridge]
    alerts: list[Alert]
    device: Status | None  # None while it does not respond
    faults: list[str]


class Dashboard(Service):
    """The page is at /, in ``static/index.html``; ``/events`` keeps it up to date."""

    readings: Readings
    alerts: Alerts
    device: Device

    app = web.app

    @get("/overview")
    async def overview(self) -> Overview:
        """Everything on the page except the chart.

        Data that a peer cannot return now is omitted, and ``faults`` has the reason.
        """
        faults: list[str] = []
        ranges = await _ask(self.alerts.ranges(), {}, faults)
        fridges = []
        for name in await _ask(self.readings.fridges(), [], faults):
            newest = await _ask(self.readings.newest(name), [], faults)
            fridges.append(_fridge(name, newest, ranges.get(name)))
        return {
            "now": clock.now(),
            "fridges": fridges,
            "alerts": await _ask(self.alerts.open_alerts(), [], faults),
            "device": await _ask(self.device.status(), None, faults),
            "faults": faults,
        }

    @get("/history/<fridge>")
    async def history(self, fridge: str, minutes: int = 60) -> list[list[float]]:
        """The chart's rows: [time, lowest, mean, highest]. Raises 404 and 400."""
        if not 0 < minutes <= _YEAR:
            raise Fault(400, "minutes: expected 1 to %d, got %d" % (_YEAR, minutes))
        now = clock.now()
        return await self.readings.window(fridge, now - 60 * minutes, now)

    @post("/alerts/<id>/acknowledge")
    async def acknowledge(self, id: int, by: str) -> Alert:
        """Report that ``by`` has seen the alert. Raises 404."""
        return await self.alerts.acknowledge(id, by)

    async def revision(self) -> int:
        """A number that grows whenever there is something new to show."""
        faults: list[str] = []
        sampled = await _ask(self.readings.revision(), 0, faults)
        return sampled + await _ask(self.alerts.revision(), 0, faults)


async def _ask(answer, instead, faults):
    """Return a peer's answer; if it fails, return ``instead`` and add the reason to ``faults``."""
    try:
        return await answer
    except Fault as fault:
        if fault.message not in faults:
            faults.append(fault.message)
        return instead


def _fridge(name, newest, range):
    fridge = {"name": name, "celsius": None, "time": None, "low": None, "high": None, "state": None}
    if newest:
        fridge.update(newest[0])
    if range:
        fridge.update(range)
    return fridge
