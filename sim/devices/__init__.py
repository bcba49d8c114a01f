"""The simulated devices: the bases of models. Each file has one model, a class called ``Model``.

A model declares its bus, its inputs and its options as literals, because the host reads them
without running the file: ``BUS``, ``ADDRESSES``, ``PINS``, ``INPUTS``, ``RANGES``, ``OPTIONS``.
``RANGES`` has the minimum and maximum of an input, and its unit: ``(-40, 85, "°C")``; the
key ``*`` stands for the inputs that are not named. Other values are refused.
"""

import json
import math
import os
import random
import time

import _sim
from _no_answer import Hang, Nack


class Device:
    """A part on a board. ``pins``: line -> the pin it is wired to, as text."""

    BUS = "pin"
    PINS: tuple = ()
    INPUTS: dict = {}
    RANGES: dict = {}
    OPTIONS: dict = {}

    def __init__(self, name, pins, options, inputs, address=None):
        self.name = name
        self.pins = pins
        self.address = address
        self.inputs = inputs
        self.options = options
        self.begin()

    def __getattr__(self, name):
        """An option by its name."""
        if name in self.OPTIONS:
            return self.options[name]
        raise AttributeError(name)

    def begin(self):
        """Power on: set what a reset sets."""

    def sense(self, name):
        """The value of an input, as it is now."""
        value = _sim.inputs("devices").get(self.name, {}).get(name)
        if value is None:
            value = self.inputs[name]
        return _now(value) if isinstance(value, dict) else value

    def varies(self):
        """Whether what it senses changes by itself: an input is a curve."""
        values = dict(self.inputs)
        values.update(_sim.inputs("devices").get(self.name, {}))
        return any(isinstance(value, dict) for value in values.values())

    def fault(self):
        """Return its fault: nack, hang, garbage or None."""
        return _sim.inputs("faults").get(self.name)

    def shown(self):
        """Return what it shows, as a dict that begins with its kind; None: nothing."""

    def show(self):
        """Report that what it shows has changed."""
        state = self.shown()
        path = "/.sim/shown-%s.json" % self.name
        with open(path + ".new", "w") as file:
            json.dump(state, file)
        os.rename(path + ".new", path)

    # The state of its pins.

    def level(self, pin):
        """The level that it drives a pin to; None: it does not."""

    def volts(self, pin):
        """The voltage at an analogue pin; None: it does not drive it."""

    def changed(self, pin, level):
        """The board has set a pin."""

    def pwm(self, frequency, high_ns):
        """The board sends pulses of ``high_ns``, ``frequency`` times a second."""

    def due(self):
        """The ms until it may change a pin or send by itself, at least 1; None: it will not.

        When the clock of a test jumps, it stops there.
        """
        return 10


class I2CDevice(Device):
    """A part on an I2C bus. It may raise ``Nack`` for what it does not acknowledge."""

    BUS = "i2c"
    ADDRESSES: tuple = ()

    def write(self, data):
        """Bytes that are sent to it in one message, after the address; perhaps none."""

    def read(self, count):
        """The next ``count`` bytes that it sends. Fewer are filled up with 0xFF, as on the bus."""
        return b""

    def stop(self):
        """The bus is free again."""

    def message(self, data):
        self._check()
        self.write(data)

    def answer(self, count):
        self._check()
        data = self.read(count)
        if self.fault() == "garbage":
            return bytes([random.getrandbits(8) for _ in range(count)])
        return bytes(data[:count]) + b"\xff" * (count - len(data))

    def _check(self):
        fault = self.fault()
        if fault == "nack":
            raise Nack
        if fault == "hang":
            raise Hang


class RegisterDevice(I2CDevice):
    """A part with registers of one byte.

    The first byte of a message selects one; the others are written to it and to those that follow.
    """

    def begin(self):
        self._at = 0

    def write(self, data):
        if data:
            self._at = data[0]
            for byte in data[1:]:
                self.put(self._at, byte)
                self._at = self.after(self._at)

    def read(self, count):
        data = bytearray()
        for _ in range(count):
            data.append(self.get(self._at) & 0xFF)
            self._at = self.after(self._at)
        return data

    def after(self, register):
        """The register that follows."""
        return (register + 1) & 0xFF

    def get(self, register):
        return 0

    def put(self, register, byte):
        pass


class WordDevice(I2CDevice):
    """A part with registers of two bytes, the high one first."""

    def begin(self):
        self._at = 0

    def write(self, data):
        if data:
            self._at = data[0]
        if len(data) >= 3:
            self.put(self._at, data[1] << 8 | data[2])

    def read(self, count):
        return (self.get(self._at) & 0xFFFF).to_bytes(2, "big")

    def get(self, register):
        return 0

    def put(self, register, word):
        pass


class CommandDevice(I2CDevice):
    """A part that takes commands: ``run`` returns what is read after one, with its check bytes."""

    def begin(self):
        self._answer = b""
        self._ready = time.ticks_ms()

    def write(self, data):
        if data:
            self._answer = self.run(data) or b""

    def busy(self, ms):
        """Measure for ``ms``: reads before that are not acknowledged."""
        self._ready = time.ticks_add(time.ticks_ms(), ms)

    def read(self, count):
        if time.ticks_diff(self._ready, time.ticks_ms()) > 0:
            raise Nack
        return self._answer

    def run(self, command):
        return b""


class SPIDevice(Device):
    """A part on an SPI bus with a pin of its own, ``cs``, that is low while it is selected."""

    BUS = "spi"
    PINS: tuple = ("cs",)

    def selected(self):
        from _pin import level

        return "cs" not in self.pins or level(self.pins["cs"]) == 0

    def exchange(self, data):
        """The bytes, as many, that it sends while it receives ``data``."""
        if self.fault() in ("nack", "hang"):
            return bytes(len(data))
        answer = bytes(self.transfer(data) or b"")
        if self.fault() == "garbage":
            answer = bytes([random.getrandbits(8) for _ in data])
        return answer[: len(data)] + bytes(len(data) - len(answer))

    def transfer(self, data):
        """Receive bytes while it is selected; return what it sends meanwhile."""


class UARTDevice(Device):
    """A part at a UART: ``receive`` gets the board's bytes, ``send`` returns those of the part."""

    BUS = "uart"
    received = b""

    def receive(self, data):
        self.received = (self.received + data)[-1024:]
        self.show()

    def shown(self):
        return {"kind": "bytes", "hex": self.received.hex()}

    def sent(self):
        fault = self.fault()
        if fault in ("nack", "hang"):
            return b""
        data = self.send(time.ticks_ms())
        if fault == "garbage":
            return bytes([random.getrandbits(8) for _ in data])
        return data

    def send(self, now):
        """Return the bytes it has sent since the last call, at ``now`` of ``ticks_ms``."""
        return b""


class Every:
    """Counts periods of ``ms`` since it was made."""

    def __init__(self, ms):
        self._ms = ms
        self._last = time.ticks_ms()

    def passed(self):
        """Whether a period has ended since the last call; several count as one."""
        passed = time.ticks_diff(time.ticks_ms(), self._last)
        if passed < self._ms:
            return False
        self._last = time.ticks_add(self._last, passed // self._ms * self._ms)
        return True

    def left(self):
        """The ms until the period ends."""
        return max(1, self._ms - time.ticks_diff(time.ticks_ms(), self._last))


def crc8(data, polynomial=0x31, start=0xFF):
    """The check byte of Sensirion's, Aosong's and Silicon Labs' sensors."""
    crc = start
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ polynomial if crc & 0x80 else crc << 1) & 0xFF
    return crc


def clamp(value, low, high):
    return min(max(value, low), high)


def _now(curve):
    """The value of a curve: a sine, or points of (seconds, value) that repeat from the start."""
    seconds = time.time_ns() / 1e9
    if "points" not in curve:
        angle = 2 * math.pi * (seconds % curve["period_s"]) / curve["period_s"]
        return curve["base"] + curve["amplitude"] * math.sin(angle)
    points = curve["points"]
    t = (seconds - curve.get("since", 0)) % (points[-1][0] or 1)
    before = points[0]
    for after in points:
        if after[0] >= t:
            span = after[0] - before[0]
            share = (t - before[0]) / span if span else 1
            return before[1] + (after[1] - before[1]) * share
        before = after
    return before[1]
