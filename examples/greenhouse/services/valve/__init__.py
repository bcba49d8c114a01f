"""Waters the soil when it is dry."""

from ads1115 import ADS1115, share
from machine import I2C, Pin
from records import Watering

from services.climate import Weather
from torpor import Service, every, get

_TANK = 1  # the input of the ADS1115
_EMPTY_V = 0.4
_FULL_V = 2.4


class Valve(Service):
    """Opens below one moisture and closes above another, and never with an empty tank."""

    climate: Weather

    async def start(self) -> None:
        self._pin = Pin(self.config["pin"], Pin.OUT, value=0)
        self._tank = ADS1115(I2C(0))

    @every(seconds=60)
    async def check(self) -> None:
        """Open or close the valve."""
        soil = (await self.climate.now())["soil"]
        if self._level() <= 0 or soil > self.config["close_above"]:
            self._pin.value(0)
        elif soil < self.config["open_below"]:
            self._pin.value(1)

    @get("/valve")
    async def watering(self) -> Watering:
        """Return the state of the valve and the tank."""
        return {"open": self._pin.value() == 1, "tank": round(self._level(), 2)}

    def _level(self) -> float:
        return share(self._tank.volts(_TANK), _EMPTY_V, _FULL_V)
