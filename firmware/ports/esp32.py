"""The ESP32 family's port: see ``firmware/ports/README.md`` for what every port must offer."""

import gc
from binascii import hexlify

import esp32
import machine

from torpor.cold import cold

_NEVER_MS = 1 << 30  # twelve days
RTC_BYTES = 2048  # MICROPY_HW_RTC_USER_MEM_MAX: ports/esp32/machine_rtc.c
_CAUSES = {
    machine.PWRON_RESET: "power-on",
    machine.HARD_RESET: "hard reset",
    machine.WDT_RESET: "watchdog",
    machine.DEEPSLEEP_RESET: "deep sleep",
    machine.SOFT_RESET: "soft reset",
}


@cold
def unique_id() -> str:
    """The chip's MAC address in hexadecimal."""
    return str(hexlify(machine.unique_id()), "utf-8")


def reset_cause() -> str:
    """Why the chip started: power-on, hard reset, watchdog, deep sleep, soft reset or other."""
    return _CAUSES.get(machine.reset_cause(), "other")


def wake_reason() -> str:
    """The source that ended the deep sleep: timer, pin or touch; empty after any other start."""
    if machine.reset_cause() != machine.DEEPSLEEP_RESET:
        return ""
    reason = machine.wake_reason()
    if reason == machine.TIMER_WAKE:
        return "timer"
    return "touch" if reason == machine.TOUCHPAD_WAKE else "pin"


def rtc_read() -> bytes:
    """The bytes of the last ``rtc_write``; empty after a power cut."""
    return machine.RTC().memory()


def rtc_write(data: bytes) -> None:
    """Keep up to ``RTC_BYTES`` bytes over deep sleep and resets."""
    machine.RTC().memory(data)


def mem_free() -> int:
    """The bytes that are free in the heap, without the memory by which it could still grow.

    ``gc.mem_free()`` adds the largest block that ESP-IDF could give (py/modgc.c), which Wi-Fi and
    TLS need.
    """
    free = gc.mem_free()
    return free - max(region[2] for region in esp32.idf_heap_info(esp32.HEAP_DATA))


_watchdog: "machine.WDT | None" = None


def arm(ms: int) -> None:
    """Make the watchdog reset the chip when ``feed`` is not called for ``ms``."""
    global _watchdog
    _watchdog = machine.WDT(timeout=ms)


def feed() -> None:
    """Feed the watchdog: the program still runs."""
    if _watchdog:
        _watchdog.feed()


def pause(stop: bool) -> None:
    """Give the watchdog a time-out of days: an ESP32 cannot stop it."""
    if _watchdog and stop:
        arm(_NEVER_MS)


def crumb(number: int) -> None:
    """Do nothing: no memory of the chip is fast enough to write at each request."""


@cold
def hung() -> int:
    """Return 0 if a watchdog has ended the run before this one, else -1."""
    return 0 if machine.reset_cause() == machine.WDT_RESET else -1
