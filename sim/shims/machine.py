"""Stands in for the chip's ``machine``.

What exists depends on the board's port, as on the chips: code that uses an ESP32's constants fails
on a Pico here too.
"""

import sys
import time

from _sim import end, facts, native, sleeping, woken

_native = native("machine")
_ESP32 = facts["port"] == "esp32"

PWRON_RESET = 1
WDT_RESET = 3
_CAUSES = {"power-on": 1, "reset": 3, "watchdog": 3, "deepsleep": 3, "soft": 1}
if _ESP32:
    HARD_RESET = 2
    DEEPSLEEP_RESET = 4
    SOFT_RESET = 5
    SLEEP = 2
    DEEPSLEEP = 4
    PIN_WAKE = EXT0_WAKE = 2
    EXT1_WAKE = 3
    TIMER_WAKE = 4
    TOUCHPAD_WAKE = 5
    ULP_WAKE = 6
    _CAUSES = {"power-on": 1, "reset": 2, "watchdog": 3, "deepsleep": 4, "soft": 5}
    _WAKES = {"ext0": 2, "ext1": 3, "timer": 4, "touch": 5, "gpio": 7}

    def wake_reason():
        return _WAKES.get(facts["wake_reason"], 0)


# Loaded when first used, to leave the heap to the program.
_LAZY = {"Pin": "_pin", "ADC": "_adc", "WDT": "_wdt", "RTC": "_rtc"}
if not _ESP32:
    _LAZY["mem32"] = "_mem32"
# A Linux process has no peripherals, and a chip that runs tests has its own.
_CHIP = facts["port"] != "unix" and sys.platform == "linux"
_frequency = facts["frequency"]


def __getattr__(name):
    module = _LAZY.get(name)
    if not module and _CHIP:
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
