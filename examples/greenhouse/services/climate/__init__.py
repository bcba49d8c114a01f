"""Measures the air and the soil."""

from ads1115 import ADS1115, share
from bme280 import BME280
from machine import I2C
from records import Climate

from torpor import Fault, Service, get

_SOIL = 0  # the input of the ADS1115
_DRY_V = 2.8
_WET_V = 1.2


class Weather(Service):
    """The climate in the greenhouse, measured when somebody asks."""

    async def start(self) -> None:
        i2c = I2C(0)
        self._air = BME280(i2c)
        self._soil = ADS1115(i2c)

    @get("/climate")
    async def now(self) -> Climate:
        """Return the climate now. Raises 503 if a sensor does not answer."""
        try:
            temperature, humidity = self._air.read()
            soil = share(self._soil.volts(_SOIL), _DRY_V, _WET_V)
        except OSError as error:
            raise Fault(503, "a sensor does not answer: %s" % error)
        return {
            "temperature": round(temperature, 1),
            "humidity": round(humidity),
            "soil": round(soil, 2),
        }
