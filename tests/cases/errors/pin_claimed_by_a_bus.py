# ERROR: services/a/__init__.py:12: a uses pin 4 of box, which b uses as i2c0.sda
# ERROR: services/a/__init__.py:13: a uses pin 0 of box, which b uses as uart0.tx
# ERROR: services/a/__init__.py:13: a uses pin 1 of box, which b uses as uart0.rx
# ERROR: services/a/__init__.py:14: a uses pin 26 of box, which b uses as ADC
# ERROR: services/a/__init__.py:15: a uses pin 19 of box, which b uses as spi0.mosi
from machine import ADC, SPI, UART, Pin, SoftI2C

from torpor import Service

_SDA = 4
_SCL = Pin(20)
_valve = Pin(_SDA, Pin.OUT)
_uart = UART(0)
_gate = Pin(26, Pin.IN)
_bus = SoftI2C(Pin(19), _SCL)


class A(Service):
    async def start(self) -> None:
        self._level = ADC(Pin(27)).read_u16() + ADC(4).read_u16()
        self._disk = SPI(1)
# --- services/b/__init__.py
from machine import ADC, I2C, SPI, UART, Pin

from torpor import Service


class B(Service):
    async def start(self) -> None:
        scl = Pin(5)
        self._bus = I2C(0, scl=scl)
        self._uart = UART(0, baudrate=9600)
        self._level = ADC(0).read_u16() + ADC(1).read_u16() + ADC(4).read_u16()
        self._display = SPI(0, sck=Pin(18), miso=Pin(16))
        self._disk = SPI(1)
