"""Sleep on an RP2040 or RP2350; ``firmware/ports/README.md`` lists what a port must offer."""

import time

import machine
from micropython import const

from .. import port  # type: ignore[attr-defined]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


# Shorter than the watchdog's time. lightsleep(ms) alone refuses 71 minutes and more
# (ports/rp2/modmachine.c).
_LONGEST_MS = const(4000)
# lightsleep(ms) stops the clock of the pins, so they are checked in between. A contact must stay
# closed this long to be noticed.
_LOOK_MS = const(100)

wake_pin = port.wake_pin
_behind_ms = 0  # part of the time slept that the calendar does not include yet


def watch(pin: int, level: int) -> None:
    """Make a pin an input that can wake the chip, pulled away from ``level``."""
    machine.Pin(pin, machine.Pin.IN, machine.Pin.PULL_DOWN if level else machine.Pin.PULL_UP)


def active(pin: int, level: int) -> bool:
    """Whether the pin has that level now."""
    return machine.Pin(pin).value() == level


def light(ms: int | None) -> None:
    """Stop for ``ms``, keeping memory and Wi-Fi; None: until a packet comes."""
    if ms is None:
        port.pause(True)
        machine.lightsleep()  # the crystal is stopped, so the duration is unknown
        port.pause(False)
    else:
        _sleep(ms)


def _sleep(ms: int) -> None:
    """Call ``lightsleep(ms)``, which stops the calendar but not the counter, and correct it."""
    global _behind_ms
    counter = time.ticks_ms()
    calendar = time.time_ns()
    # A watchdog that fires now would lock an RP2040 until its power is cut, before MicroPython 1.29
    # (issue 17228). It is stopped; because that was never tried on a chip, sleeps are also short.
    port.pause(True)
    machine.lightsleep(ms)
    port.pause(False)
    passed = time.ticks_diff(time.ticks_ms(), counter)
    _behind_ms += passed - (time.time_ns() - calendar) // 1000000
    if _behind_ms >= 1000:
        t = time.gmtime(int(time.time()) + _behind_ms // 1000)
        _behind_ms %= 1000
        machine.RTC().datetime((t[0], t[1], t[2], t[6], t[3], t[4], t[5], 0))


def deep(ms: int, pins: "Any") -> None:
    """Sleep for ``ms`` (-1: no limit) or until one of ``pins`` has its level; then reset."""
    import network

    wlan = network.WLAN(network.STA_IF)
    wlan.disconnect()
    wlan.active(False)
    wlan.deinit()  # switches off the radio, which otherwise draws more than everything else
    port.leave_note(_doze(ms, pins))
    machine.reset()


def _doze(ms: int, pins) -> int:
    """Sleep lightly; return -1 when the time is over, or the number of a pin that has its level."""
    most = _LOOK_MS if pins else _LONGEST_MS
    start = time.ticks_ms()
    slept = 0
    while ms < 0 or slept < ms:
        for pin, level in pins:
            if active(pin, level):
                return pin
        _sleep(most if ms < 0 else min(most, ms - slept))
        passed = time.ticks_diff(time.ticks_ms(), start)
        slept += passed
        start = time.ticks_ms()
    return -1
