"""The RP2040 and RP2350 port: see ``firmware/ports/README.md`` for what every port must offer."""

from binascii import hexlify

import machine

RTC_BYTES = 0  # MicroPython gives no memory that outlives a reset
_CAUSES = {machine.PWRON_RESET: "power-on", machine.WDT_RESET: "watchdog"}


def unique_id() -> str:
    """The chip's serial number in hexadecimal."""
    return str(hexlify(machine.unique_id()), "utf-8")


def reset_cause() -> str:
    """Why the chip started: power-on, watchdog or other."""
    return _CAUSES.get(machine.reset_cause(), "other")


def rtc_read() -> bytes:
    """Nothing: there is no such memory."""
    return b""


def rtc_write(data: bytes) -> None:
    """Does nothing: there is no such memory."""
