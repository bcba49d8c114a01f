"""Shows the fridges in a browser: one page, live by server-sent events."""

import asyncio

from microdot import Microdot, send_file
from microdot.sse import with_sse

from services.alerts import Alerts
from services.device import Device
from services.readings import Readings
from torpor import Fault, Service, clock

_STATIC = "services/dashboard/static/"
_WINDOW_S = 3600  # of the chart
_POINTS = 60
_LOOK_MS = 1000  # how often a change is looked for while a page is open

app = Microdot()


class Dashboard(Service):
    """The page for people. Its data comes from the peers, in memory."""

    app = app
    alerts: Alerts
    device: Device
    readings: Readings

    async def _revision(self) -> tuple[int, int]:
        return await self.readings.revision(), await self.alerts.revision()

    async def _state(self) -> dict:
        ranges = await self.alerts.ranges()
        fridges = []
        for name in sorted(ranges):
            newest = await self.readings.newest(name, 1)
            fridges.append(
                {"name": name, "newest": newest[0] if newest else None, "watch": ranges[name]}
            )
        return {
            "now": clock.now(),
            "fridges": fridges,
            "alerts": await self.alerts.open_alerts(),
            "device": await self.device.status(),
        }


@app.get("/")
async def page(request):
    return send_file(_STATIC + "index.html", compressed=True, file_extension=".gz")


@app.get("/api/state")
async def state(request):
    return await request.app.service._state()


@app.get("/api/chart/<fridge>")
async def chart(request, fridge):
    # No further back than the readings go: a board that has just started shows its first minutes.
    now = clock.now()
    since = now - min(_WINDOW_S, clock.uptime_ms() // 1000 + 1)
    return await request.app.service.readings.window(fridge, since, now, _POINTS)


@app.post("/api/alerts/<int:id>/acknowledge")
async def acknowledge(request, id):
    return await request.app.service.alerts.acknowledge(id, "dashboard")


@app.get("/events")
@with_sse
async def events(request, sse):
    service = request.app.service
    seen = None
    while True:
        revision = await service._revision()
        if revision != seen:
            seen = revision
            await sse.send(await service._state())
        await asyncio.sleep_ms(_LOOK_MS)


@app.errorhandler(Fault)
async def fault(request, error):
    return {"error": error.message}, error.status
