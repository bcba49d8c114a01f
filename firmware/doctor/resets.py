"""The ways to end a run, and what the next start can report. The doctor calls the functions."""

import json
import sys
import time

import machine

_WATCHDOG_MS = 1000


def _register() -> int:
    """The address of a scratch register that the boot ROM and the SDK leave alone."""
    return 0x400D8010 if "RP2350" in sys.implementation._machine else 0x40058010


def keep(number: int) -> None:
    """Store a number where it survives a reset."""
    if sys.platform == "esp32":
        machine.RTC().memory(str(number).encode())
    else:
        machine.mem32[_register()] = number


def _kept() -> int:
    if sys.platform == "esp32":
        text = machine.RTC().memory()
        return int(text) if text.isdigit() else -1
    return machine.mem32[_register()]


def reset(ms: int) -> None:
    """End by a reset."""
    machine.reset()


def watchdog(ms: int) -> None:
    """End by a watchdog that nobody feeds."""
    machine.WDT(timeout=_WATCHDOG_MS)
    while True:
        time.sleep_ms(10)


def deepsleep(ms: int) -> None:
    """End by a deep sleep of ``ms``."""
    machine.deepsleep(ms)


def report(number: int) -> None:
    """Print how the last run ended, and whether ``number`` has survived that."""
    cause = machine.reset_cause()
    names = [n for n in dir(machine) if n.endswith("_RESET") and getattr(machine, n) == cause]
    print(json.dumps({"cause": names[0] if names else cause, "kept": _kept() == number}))
