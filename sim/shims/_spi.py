"""``machine.SPI`` and ``machine.SoftSPI``: a device receives bytes while its CS pin is low."""

from _bus import claim, pins_of, soft_pins, wiring
from _sim import facts

_ESP32 = facts["port"] == "esp32"


class _Bus:
    MSB = 0 if _ESP32 else 1
    LSB = 1 if _ESP32 else 0

    def _begin(self, owner, pins):
        self._pins = pins
        claim(owner, {line: pins[line] for line in pins if pins[line] is not None})
        devices = wiring()
        self._devices = devices.spi(pins["sck"], pins["mosi"]) if devices else ()

    def _exchange(self, data):
        for device in self._devices:
            if device.selected():
                return device.exchange(data)
        return bytes(len(data))  # nobody drives MISO

    def init(self, baudrate=-1, *, polarity=-1, phase=-1, bits=-1, firstbit=-1, **pins):
        if firstbit == self.LSB and not _ESP32:
            raise NotImplementedError("LSB")

    def deinit(self):
        pass

    def read(self, nbytes, write=0):
        return self._exchange(bytes((write,)) * nbytes)

    def readinto(self, buf, write=0):
        buf[:] = self._exchange(bytes((write,)) * len(buf))

    def write(self, buf):
        self._exchange(bytes(buf))

    def write_readinto(self, write_buf, read_buf):
        if len(write_buf) != len(read_buf):
            raise ValueError("buffers must be the same length")
        read_buf[:] = self._exchange(bytes(write_buf))


class SPI(_Bus):
    def __init__(
        self,
        id=0,
        baudrate=1_000_000,
        *,
        polarity=0,
        phase=0,
        bits=8,
        firstbit=_Bus.MSB,
        sck=None,
        mosi=None,
        miso=-1,
    ):
        self.init(firstbit=firstbit)
        # None means on a Pico that the line has no pin.
        pins = pins_of("SPI", id, sck=sck, mosi=mosi, miso=miso)
        for line in ("sck", "mosi") if _ESP32 else ():
            __import__("_pin_esp32").check_output(pins[line], "invalid configuration")
        self._begin("SPI(%d)" % id, pins)


class SoftSPI(_Bus):
    def __init__(
        self,
        baudrate=500_000,
        *,
        polarity=0,
        phase=0,
        bits=8,
        firstbit=_Bus.MSB,
        sck=None,
        mosi=None,
        miso=None,
    ):
        if bits != 8:
            raise ValueError("bits must be 8")
        if sck is None or mosi is None or miso is None:
            raise ValueError("must specify all of sck/mosi/miso")
        self._begin("SoftSPI", soft_pins(sck=sck, mosi=mosi, miso=miso))
