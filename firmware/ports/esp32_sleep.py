"""Sleep on an ESP32; ``firmware/ports/README.md`` lists what every port must offer.

A chip with ext0 (ESP32, S2, S3) wakes by one pin of any level through ext0, and by further pins
through ext1 when one of them is high (ext1's other mode needs all pins low). The C3 and C6 have no
ext0 and take pins of one level (``wake_on_gpio``).
"""

import esp32
import machine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


_EXT0 = hasattr(esp32, "wake_on_ext0")


def watch(pin: int, level: int) -> None:
    """Make a pin an input that can wake the chip, pulled away from ``level``."""
    pull = machine.Pin.PULL_DOWN if level else machine.Pin.PULL_UP
    try:
        machine.Pin(pin, machine.Pin.IN, pull)
    except ValueError:  # pins 34 to 39 have no pull resistors
        machine.Pin(pin, machine.Pin.IN)


def active(pin: int, level: int) -> bool:
    """Whether the pin has that level now."""
    return machine.Pin(pin).value() == level


def light(ms: int | None) -> None:
    """Never called: light sleep ends the Wi-Fi connection, so the build refuses it."""
    raise NotImplementedError


def deep(ms: int, pins: "Any") -> None:
    """Sleep for ``ms`` (-1: no limit) or until one of ``pins`` has its level. Does not return."""
    import network

    network.WLAN(network.STA_IF).active(False)
    (_arm_ext if _EXT0 else _arm_gpio)(pins)
    if ms < 0:
        machine.deepsleep()
    machine.deepsleep(ms)


def _arm_ext(pins) -> None:
    # A pin that waits for low needs ext0; without one, the first pin gets it.
    first = next((pin for pin in pins if not pin[1]), pins[0] if pins else None)
    high = tuple(machine.Pin(pin) for pin, level in pins if level and pin != (first or (-1,))[0])
    if first:
        esp32.wake_on_ext0(machine.Pin(first[0]), bool(first[1]))
    if high:
        esp32.wake_on_ext1(high, esp32.WAKEUP_ANY_HIGH)


def _arm_gpio(pins) -> None:
    for level in (0, 1):
        armed = tuple(machine.Pin(pin) for pin, wanted in pins if wanted == level)
        if armed:
            esp32.wake_on_gpio(armed, bool(level))
            return


def wake_pin() -> int:
    """Return -1: with ext0 the chip does not report which pin woke it, but the level shows it."""
    return -1
