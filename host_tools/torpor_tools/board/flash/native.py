"""The serial port of a chip with USB of its own: an ESP32-S2, S3, C3 or C6.

A reset takes the port away. What runs then, the boot loader in ROM or MicroPython, may be another
USB device than before, so the port comes back under another id, and often under another name. Where
it is plugged in stays the same.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import Any

from serial.tools import list_ports

from ...errors import UserError
from . import line

BACK_S = 15.0
"""How long a port may take to come back, in seconds: the system, its drivers and access rights."""

_ESPRESSIF = 0x303A
# MicroPython on a chip with USB OTG: ports/esp32/mpconfigport.h. The other chips show the USB of
# their hardware whatever runs.
_MICROPYTHON = {"ESP32-S2": 0x4001, "ESP32-S3": 0x4001}
_HARDWARE = 0x1001
_POLL_S = 0.1


@dataclass(frozen=True)
class Plug:
    """The USB socket of a chip with its own USB, and which device it was there."""

    place: str | None  # "1-1.2"; None if the system does not say
    device: str  # /dev/ttyACM0
    product: int

    def unchanged(self) -> bool:
        """Whether the same device is there under the same name."""
        return any(_plug(info) == self for info in list_ports.comports())

    def wait(self, patience_s: float, product: int | None = None) -> str | None:
        """Wait until a port can be opened there again.

        Args:
            patience_s: for how long, in seconds.
            product: the USB product id that it must have; None for any.

        Returns:
            The port's name, or None if the time is over.
        """
        end = time.monotonic() + patience_s
        while True:
            for info in list_ports.comports():
                plug = _plug(info)
                if plug and plug.place == self.place and product in (None, plug.product):
                    try:
                        line.check(plug.device)
                        return plug.device
                    except UserError:
                        pass  # its access rights are still to come
            if time.monotonic() > end:
                return None
            time.sleep(_POLL_S)


def plug_of(device: str) -> Plug | None:
    """The USB socket behind a port; None if the port is not a chip's own USB."""
    real = os.path.realpath(device)
    plugs = (_plug(info) for info in list_ports.comports())
    return next((plug for plug in plugs if plug and os.path.realpath(plug.device) == real), None)


def running(chip: str) -> int:
    """The USB product id of a chip that runs MicroPython."""
    return _MICROPYTHON.get(chip, _HARDWARE)


def _plug(info: Any) -> Plug | None:
    if info.vid != _ESPRESSIF:
        return None
    place = info.location and info.location.partition(":")[0]  # without the interface's number
    return Plug(place or None, info.device, info.pid)
