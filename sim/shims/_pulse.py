"""``machine.bitstream`` and ``machine.dht_readinto``: what a device at a pin receives and sends."""

import random
from errno import ETIMEDOUT  # type: ignore[attr-defined]

from _pin import _devices, name


def _at(pin, method):
    for device in (_devices or {}).get(name(pin), ()):
        if hasattr(device, method):
            return device


def bitstream(pin, encoding, timing, data):
    if encoding != 0:
        raise ValueError("encoding")
    if len(timing) != 4:
        raise ValueError("requested length 4 but object has length %d" % len(timing))
    device = _at(pin, "bits")
    if device:
        device.bits(bytes(data))


def dht_readinto(pin, buf):
    if len(buf) < 5:
        raise ValueError("buffer too small")
    device = _at(pin, "frame")
    fault = device.fault() if device else "nack"
    if fault in ("nack", "hang"):
        raise OSError(ETIMEDOUT)
    frame = device.frame()
    buf[:5] = bytes([random.getrandbits(8) for _ in frame]) if fault == "garbage" else frame
