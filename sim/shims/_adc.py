"""``machine.ADC``: shows the value, 0 to 65535, that the inputs file has."""

from _sim import facts, inputs
from machine import Pin

_ROOM = 14_000  # what a Pico's own sensor shows at 29 degrees Celsius


class ADC:
    if facts["port"] == "esp32":
        ATTN_0DB, ATTN_2_5DB, ATTN_6DB, ATTN_11DB = 0, 1, 2, 3
        WIDTH_9BIT, WIDTH_10BIT, WIDTH_11BIT, WIDTH_12BIT = 9, 10, 11, 12
    else:
        CORE_TEMP = 4

    def __init__(self, id, **options):
        self._id = id._id if isinstance(id, Pin) else str(id)

    def init(self, **options):
        pass

    atten = width = deinit = lambda self, *args: None

    def read_u16(self):
        return inputs("adc").get(self._id, _ROOM if self._id == "4" else 0)

    def read_uv(self):
        return self.read_u16() * 3_300_000 // 65535
