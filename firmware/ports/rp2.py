"""The RP2040 and RP2350 port: see ``firmware/ports/README.md`` for what every port must offer.

The chip has no deep sleep of its own: it sleeps lightly with its radio off and then resets. So that
the next start knows what it wakes from, a note is in the watchdog's scratch registers, which only
power-off clears (RP2040 datasheet 4.7, RP2350 datasheet 12.9; the boot ROM uses 4 to 7).
"""

import sys
from gc import mem_free as mem_free

import machine
from micropython import const

from torpor.cold import cold

RTC_BYTES = 0  # MicroPython offers no memory that survives a reset
_CAUSES = {machine.PWRON_RESET: "power-on", machine.WDT_RESET: "watchdog"}
_MARK = const(0x7012)  # upper half of the first register; below it the reason, and the pin + 1
_TIMER = const(1)
_PIN = const(2)

_ENABLE = const(1 << 30)  # of the register CTRL: RP2040 datasheet, 4.7.6
_CTRL = 0x400D8000 if "RP2350" in sys.implementation._machine else 0x40058000
_scratch = _CTRL + 12


def _take_note() -> int:
    """Return the note that was left before the reset, if there is one, and erase it.

    The reset has put the clock back to 2021.
    """
    import time

    note = machine.mem32[_scratch]
    machine.mem32[_scratch] = 0
    if note >> 16 & 0xFFFF != _MARK or machine.reset_cause() != machine.WDT_RESET:
        return 0
    t = time.gmtime(machine.mem32[_scratch + 4] & 0xFFFFFFFF)
    machine.RTC().datetime((t[0], t[1], t[2], t[6], t[3], t[4], t[5], 0))
    return note & 0xFFFF


_note = _take_note()
del _take_note  # it runs once


@cold
def unique_id() -> str:
    """The chip's serial number in hexadecimal."""
    from binascii import hexlify

    return str(hexlify(machine.unique_id()), "utf-8")


def reset_cause() -> str:
    """Why the chip started: power-on, watchdog, deep sleep or other."""
    return "deep sleep" if _note else _CAUSES.get(machine.reset_cause(), "other")


def wake_reason() -> str:
    """The source that ended the deep sleep: timer or pin; empty after any other start."""
    return ("", "timer", "pin")[_note & 0xFF] if _note else ""


def wake_pin() -> int:
    """The pin that ended the deep sleep, or -1."""
    return (_note >> 8) - 1


def leave_note(pin: int) -> None:
    """Leave a note for the next start: what ended the sleep, the timer (``pin`` -1) or a pin."""
    import time

    machine.mem32[_scratch + 4] = int(time.time())
    machine.mem32[_scratch] = _MARK << 16 | (pin + 1) << 8 | (_TIMER if pin < 0 else _PIN)


def rtc_read() -> bytes:
    """Nothing: there is no such memory."""
    return b""


def rtc_write(data: bytes) -> None:
    """Does nothing: there is no such memory."""


_watchdog: "machine.WDT | None" = None


def arm(ms: int) -> None:
    """Make the watchdog reset the chip when ``feed`` is not called for ``ms``, at most 8,388."""
    global _watchdog
    _watchdog = machine.WDT(timeout=ms)


def feed() -> None:
    """Feed the watchdog: the program still runs."""
    if _watchdog:
        _watchdog.feed()


def pause(stop: bool) -> None:
    """Stop the watchdog, if it is armed, or let it continue with its full time-out.

    The SDK's ``watchdog_disable`` clears this bit, too. MicroPython has no function for it.
    """
    if _watchdog:
        _watchdog.feed()
        control = machine.mem32[_CTRL]
        machine.mem32[_CTRL] = control & ~_ENABLE if stop else control | _ENABLE


def crumb(number: int) -> None:
    """Store a number that survives a reset."""
    machine.mem32[_scratch + 8] = number


@cold
def hung() -> int:
    """Return the last ``crumb`` if the watchdog has ended the run before this one, else -1.

    Bit 0 of REASON, the register before the scratch registers: not by a program's reset.
    """
    if _note or not machine.mem32[_scratch - 4] & 1:
        return -1
    return machine.mem32[_scratch + 8] & 0x3FFFFFFF
