"""Print the longest time-out that the watchdog accepts, in ms; 0 if it accepts a day."""

import json

import machine

_DAY = 86400000
try:
    machine.WDT(timeout=_DAY)
    longest = 0
    machine.WDT(timeout=_DAY).feed()
except ValueError as e:
    words = str(e).split()
    longest = int(words[-1]) if words[-1].isdigit() else -1
print(json.dumps({"longest_ms": longest}))
