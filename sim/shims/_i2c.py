"""``machine.I2C`` and ``machine.SoftI2C``, with the devices that cluster.toml wires to the pins."""

import time
from errno import EIO, ENODEV, ETIMEDOUT  # type: ignore[attr-defined]

from _bus import claim, pins_of, soft_pins, wiring
from _no_answer import Hang, Nack
from _sim import facts

_ESP32 = facts["port"] == "esp32"
_UNSUPPORTED = "I2C operation not supported"
# ports/rp2/machine_i2c.c gives EIO for whatever pico-sdk refuses; extmod/machine_i2c.c and
# ports/esp32/machine_i2c.c give ENODEV.
_ABSENT = ENODEV if _ESP32 else EIO


class _Bus:
    _absent = ENODEV

    def _begin(self, owner, pins, freq, timeout):
        self._pins = pins
        self._freq = freq
        self._timeout = timeout
        claim(owner, pins)
        devices = wiring()
        self._devices = devices.i2c(pins["scl"], pins["sda"]) if devices else {}

    def _send(self, addr, data, stop):
        """Write ``data`` to a device; the number of bytes it acknowledged."""
        device = self._devices.get(addr)
        try:
            if device is None:
                raise Nack
            device.message(data)
            if stop:
                device.stop()
        except Nack:
            raise OSError(self._absent if len(data) else ENODEV)
        except Hang:
            time.sleep_ms(self._timeout // 1000)
            raise OSError(ETIMEDOUT)
        return len(data)

    def _receive(self, addr, buf, stop):
        device = self._devices.get(addr)
        try:
            if device is None:
                raise Nack
            data = device.answer(len(buf))
            if stop:
                device.stop()
        except Nack:
            raise OSError(self._absent)
        except Hang:
            time.sleep_ms(self._timeout // 1000)
            raise OSError(ETIMEDOUT)
        buf[:] = data

    def scan(self):
        found = []
        for addr in range(0x08, 0x78):
            try:
                self._send(addr, b"", True)
                found.append(addr)
            except OSError:
                pass
        return found

    def writeto(self, addr, buf, stop=True):
        return self._send(addr, bytes(buf), stop)

    def writevto(self, addr, vector, stop=True):
        return self._send(addr, b"".join([bytes(part) for part in vector]), stop)

    def readfrom_into(self, addr, buf, stop=True):
        self._receive(addr, memoryview(buf), stop)

    def readfrom(self, addr, nbytes, stop=True):
        buf = bytearray(nbytes)
        self._receive(addr, memoryview(buf), stop)
        return bytes(buf)

    def readfrom_mem_into(self, addr, memaddr, buf, *, addrsize=8):
        self._send(addr, _address(memaddr, addrsize), False)
        self._receive(addr, memoryview(buf), True)

    def readfrom_mem(self, addr, memaddr, nbytes, *, addrsize=8):
        buf = bytearray(nbytes)
        self.readfrom_mem_into(addr, memaddr, buf, addrsize=addrsize)
        return bytes(buf)

    def writeto_mem(self, addr, memaddr, buf, *, addrsize=8):
        self._send(addr, _address(memaddr, addrsize) + bytes(buf), True)


def _address(memaddr, addrsize):
    if addrsize & 7 or not 0 <= addrsize <= 32:
        raise ValueError("invalid addrsize")
    return memaddr.to_bytes(addrsize // 8, "big")


class I2C(_Bus):
    _absent = _ABSENT

    def __init__(self, id=0, freq=400_000, *, scl=None, sda=None, timeout=50_000):
        self._id = id
        self._begin("I2C(%d)" % id, pins_of("I2C", id, scl=scl, sda=sda), freq, timeout)

    def _no(self, *args, **options):
        raise OSError(_UNSUPPORTED)

    init = start = stop = readinto = write = _no

    def __repr__(self):
        text = "I2C(%d, freq=%d, scl=%s, sda=%s, timeout=%d)"
        if _ESP32:
            text = "I2C(%d, scl=%s, sda=%s, freq=%d, timeout=%d)"
            return text % (
                self._id,
                self._pins["scl"],
                self._pins["sda"],
                self._freq,
                self._timeout,
            )
        return text % (self._id, self._freq, self._pins["scl"], self._pins["sda"], self._timeout)


class SoftI2C(_Bus):
    def __init__(self, scl, sda, *, freq=400_000, timeout=50_000):
        self.init(scl, sda, freq=freq, timeout=timeout)

    def init(self, scl, sda, *, freq=400_000, timeout=50_000):
        self._begin("SoftI2C", soft_pins(scl=scl, sda=sda), freq, timeout)
        self._at = None  # the device addressed since start(), and whether it is read
        self._sent = b""

    # One byte after another, by hand: the first after a start is the address.

    def start(self):
        self._flush(False)
        self._at = ()

    def stop(self):
        self._flush(True)
        self._at = None

    def write(self, buf):
        acks = 0
        for byte in bytes(buf):
            if self._at == ():
                self._at = (byte >> 1, byte & 1)
                if byte >> 1 not in self._devices:
                    break
            elif not self._at or self._at[0] not in self._devices:
                break
            else:
                self._sent += bytes((byte,))
            acks += 1
        return acks

    def readinto(self, buf, nack=True):
        if self._at and self._at[0] in self._devices:
            self._receive(self._at[0], memoryview(buf), False)
        else:
            buf[:] = b"\xff" * len(buf)  # nobody pulls the line down

    def _flush(self, stop):
        if self._at and not self._at[1] and self._at[0] in self._devices:
            self._send(self._at[0], self._sent, stop)
        self._sent = b""

    def __repr__(self):
        return "SoftI2C(scl=%s, sda=%s, freq=%d)" % (
            self._pins["scl"],
            self._pins["sda"],
            self._freq,
        )
