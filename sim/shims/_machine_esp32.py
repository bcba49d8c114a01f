"""Names of ``machine`` that only an ESP32 has: a Pico's table of names need not hold them."""

from _sim import facts

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
