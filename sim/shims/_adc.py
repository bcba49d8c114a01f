"""``machine.ADC``: reads the value, 0 to 65535, in the inputs file, or a device's voltage."""

from _bus import table
from _claims import claim
from _pin import _devices, name
from _sim import facts, inputs

_ESP32 = facts["port"] == "esp32"
_ROOM = 14_000  # what a Pico's own sensor reads at 29 degrees Celsius
_SENSOR = "4"  # its channel: ADC_TEMPERATURE_CHANNEL_NUM of the RP2040
_FULL_UV = 3_300_000


class ADC:
    if _ESP32:
        ATTN_0DB, ATTN_2_5DB, ATTN_6DB, ATTN_11DB = 0, 1, 2, 3
        WIDTH_9BIT, WIDTH_10BIT, WIDTH_11BIT, WIDTH_12BIT = 9, 10, 11, 12
    else:
        CORE_TEMP = 4

    def __init__(self, id, **options):
        channel = not _ESP32 and isinstance(id, int) and 0 <= id <= 4
        self._id = str(id) if channel else name(id)
        known = table["adc"]
        if channel and id < 4 and known:
            self._id = str(known[id])
        elif not channel and known and (not self._id.isdigit() or int(self._id) not in known):
            raise ValueError("invalid pin" if _ESP32 else "Pin doesn't have ADC capabilities")
        claim(self._id, "ADC")
        if options:
            self._init(**options)

    def _init(self, *, atten=-1):
        if not _ESP32:
            raise TypeError("extra keyword arguments given")
        if atten != -1:
            self.atten(atten)

    def read_u16(self):
        for device in (_devices or {}).get(self._id, ()):
            volts = device.volts(self._id)
            if volts is not None:
                return min(65535, max(0, int(volts * 65535 / 3.3)))
        return inputs("adc").get(self._id, _ROOM if self._id == _SENSOR else 0)

    if _ESP32:

        def init(self, *, atten=-1):
            self._init(atten=atten)

        def deinit(self):
            pass

        def read(self):
            return self.read_u16() >> 4

        def read_uv(self):
            return self.read_u16() * _FULL_UV // 65535

        def atten(self, atten):
            if not 0 <= atten <= 3:
                raise ValueError("invalid attenuation")

        def width(self, bits):
            if not 9 <= bits <= 12:
                raise ValueError("invalid bit-width")

        def block(self):
            from _adc_block import ADCBlock

            return ADCBlock.of(self._id)
