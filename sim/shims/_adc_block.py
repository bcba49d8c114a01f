"""``machine.ADCBlock`` of an ESP32: its two converters."""

from _adc import ADC
from _bus import table
from _sim import facts

# Channels of the first block by chip, in order: ports/esp32/machine_adc.c.
_FIRST = {"ESP32": (36, 37, 38, 39, 32, 33, 34, 35), "ESP32-C3": (0, 1, 2, 3, 4)}


def _channels(id):
    first = _FIRST.get(facts["chip"], tuple(table["adc"])[:10])
    if id == 1:
        return first
    if facts["chip"] == "ESP32":
        return (4, 0, 2, 15, 13, 12, 14, 27, 25, 26)
    return tuple([pin for pin in table["adc"] if pin not in first])


class ADCBlock:
    def __init__(self, id, *, bits=-1):
        if id not in (1, 2) or not _channels(id):
            raise ValueError("invalid block id")
        self._id = id
        self.init(bits=bits)

    def init(self, *, bits=-1):
        if bits != -1 and not 9 <= bits <= 12:
            raise ValueError("invalid bit-width")

    def connect(self, source, pin=None):
        channels = _channels(self._id)
        if isinstance(source, int):
            if source >= len(channels):
                raise ValueError("no matching ADC")
            return ADC(channels[source])
        adc = ADC(source)
        if int(adc._id) not in channels:
            raise ValueError("no matching ADC")
        return adc

    @staticmethod
    def of(pin):
        return ADCBlock(1 if int(pin) in _channels(1) else 2)
