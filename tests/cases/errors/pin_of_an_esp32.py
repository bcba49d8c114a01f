# ERROR: services/a/__init__.py:14: pin 4 of a ESP32_GENERIC has no DAC
# ERROR: services/a/__init__.py:15: pin 5 of a ESP32_GENERIC has no touch sensor
# ERROR: services/a/__init__.py:16: pin 34 of a ESP32_GENERIC can only be an input
# ERROR: services/a/__init__.py:17: pin 35 of a ESP32_GENERIC has no pull-up or pull-down
# ERROR: services/a/__init__.py:18: pin 36 of a ESP32_GENERIC can only be an input
# ERROR: services/a/__init__.py:19: pin 39 of a ESP32_GENERIC can only be an input
# ERROR: cluster.toml:13: pin 37 of a ESP32_GENERIC can only be an input
from machine import DAC, I2C, PWM, UART, Pin, TouchPad
from torpor import Service


class A(Service):
    async def start(self) -> None:
        self._voltage = DAC(Pin(25)), DAC(Pin(4))
        self._pads = TouchPad(Pin(4)), TouchPad(Pin(5))
        self._valve = Pin(34, Pin.OUT)
        self._door = Pin(35, Pin.IN, Pin.PULL_UP)
        self._lamp = PWM(Pin(36), freq=1000)
        self._bus = I2C(0, scl=Pin(39), sda=Pin(22))
        pin = self.config.get("pin", 12)
        self._pump = Pin(pin, Pin.OUT)
        self._gps = UART(1, rx=Pin(38), tx=self.config["tx"])
        self._tank = Pin(32, Pin.IN, Pin.PULL_DOWN), Pin(33, Pin.IN), Pin(34, Pin.IN, None)
# --- cluster.toml
[cluster]
name = "test"

[boards.box]
type = "ESP32_GENERIC"
services = ["a"]

[services.a]
port = 8001

[services.a.config]
tx = 17
pin = 37
