"""Stands in for the chip's ``machine``.

What exists depends on the board's port, as on the chips: code that uses an ESP32's constants fails
on a Pico here too.
"""

import time

from _sim import end, facts, native, sleeping, woken

_native = native("machine")
_ESP32 = facts["port"] == "esp32"

PWRON_RESET = 1
WDT_RESET = 3
_CAUSES = {"power-on": 1, "reset": 3, "watchdog": 3, "deepsleep": 3, "soft": 1}
if _ESP32:
    from _machine_esp32 import *  # noqa: F403
    from _machine_esp32 import _CAUSES


# Loaded when first used, to leave the heap to the program.
_LAZY = {"Pin": "_pin", "ADC": "_adc", "WDT": "_wdt", "RTC": "_rtc"}
if facts["port"] != "unix":
    for _name in ("mem8", "mem16", "mem32"):
        _LAZY[_name] = "_memory"
_frequency = facts["frequency"]


def __getattr__(name):
    module = _LAZY.get(name)
    if not module:
        module = __import__("_peripherals").module_of(name)
    value = getattr(__import__(module) if module else _native, name)
    globals()[name] = value
    return value


def reset():
    end("reset", cause="reset")


def soft_reset():
    end("reset", cause="soft")


def reset_cause():
    return _CAUSES[facts["reset_cause"]]


def unique_id():
    return bytes.fromhex(facts["unique_id"])


def freq(hz=None):
    global _frequency
    if hz is None:
        return _frequency
    _frequency = hz


def idle():
    time.sleep_ms(1)  # the chip's next tick


def lightsleep(ms=None):
    """Sleep. Without ``ms`` only a packet wakes the board, by a Pico's radio."""
    sleeping(ms)
    if _ESP32:
        import network

        network._lost()  # this sleep cuts an ESP32's Wi-Fi
    if ms is not None:
        time.sleep_ms(ms)
    elif _ESP32:
        while True:
            time.sleep(60)
    else:
        import socket

        socket._wait()
    woken("packet" if ms is None else "timer")


def deepsleep(ms=None):
    end("deepsleep", ms=ms)
