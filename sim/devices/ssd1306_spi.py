"""A SSD1306 on four wires of SPI: its pin D/C says whether bytes are commands or dots."""

from . import SPIDevice
from .ssd1306 import Model as SSD1306


class Model(SSD1306, SPIDevice):
    BUS = "spi"
    ADDRESSES = ()  # type: ignore[assignment]
    PINS = ("cs", "dc", "res")
    INPUTS = {}
    OPTIONS = {"width": 128, "height": 64}

    def changed(self, pin, level):
        if pin == self.pins.get("res") and not level:
            self.begin()

    def transfer(self, data):
        from _pin import level

        if level(self.pins["dc"]):
            self.draw(data)
        else:
            for byte in data:
                self.command(byte)
        self.stop()
