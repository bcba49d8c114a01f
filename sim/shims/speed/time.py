"""Stands in for ``time`` where the simulator's clock runs faster (``torpor sim --speed``).

All boards count from the same instant, so they agree, even after one of them restarts.
"""

import json
import sys


def _native():
    path, shim = sys.path[:], sys.modules.pop("time")
    sys.path[:] = []
    try:
        return __import__("time")
    finally:
        sys.path[:] = path
        sys.modules["time"] = shim


_time = _native()
with open("/.sim/facts.json") as _file:
    _facts = json.load(_file)
speed = _facts["speed"]
_epoch = _facts["epoch_ns"]

ticks_add = _time.ticks_add
ticks_diff = _time.ticks_diff
mktime = _time.mktime
_MASK = ticks_add(0, -1)


def time_ns():
    return _epoch + int((_time.time_ns() - _epoch) * speed)


def time():
    return time_ns() // 1_000_000_000


def ticks_ms():
    return time_ns() // 1_000_000 & _MASK


def ticks_us():
    return time_ns() // 1000 & _MASK


ticks_cpu = ticks_us


def gmtime(seconds=None):
    return _time.gmtime(time() if seconds is None else seconds)


def localtime(seconds=None):
    return _time.localtime(time() if seconds is None else seconds)


def sleep_us(us):
    _time.sleep_us(int(us / speed))


def sleep_ms(ms):
    sleep_us(ms * 1000)


def sleep(seconds):
    sleep_us(int(seconds * 1_000_000))
