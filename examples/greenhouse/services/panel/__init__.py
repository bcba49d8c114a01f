"""Shows the greenhouse: on a display, and on a page at /."""

from machine import I2C
from ssd1306 import SSD1306_I2C

from services.climate import Weather
from services.valve import Valve
from torpor import Service, every, get

from . import web


class Panel(Service):
    """The display is drawn every five seconds; the page asks for ``/overview``."""

    climate: Weather
    valve: Valve

    app = web.app

    async def start(self) -> None:
        self._display = SSD1306_I2C(128, 64, I2C(0))

    @get("/overview")
    async def overview(self) -> dict:
        """Return everything on the page."""
        return {"climate": await self.climate.now(), "valve": await self.valve.watering()}

    @every(seconds=5)
    async def draw(self) -> None:
        """Draw the display."""
        climate, valve = await self.climate.now(), await self.valve.watering()
        self._display.fill(0)
        self._display.text("%.1f C  %d %%" % (climate["temperature"], climate["humidity"]), 0, 0)
        self._display.text("soil %d %%" % (climate["soil"] * 100), 0, 24)
        self._display.text("valve %s" % ("open" if valve["open"] else "closed"), 0, 48)
        self._display.show()
