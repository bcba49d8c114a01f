"""Shared by the shims: the board's facts, its trace and its inputs."""

import json
import sys
import time

ticks = time.ticks_ms  # tests put a clock of their own here
_start = ticks()

with open("/.sim/facts.json") as _file:
    facts = json.load(_file)  # torpor_sim.facts writes it before each start


def trace(event, **fields):
    """Report an event to the supervisor. ``t`` is in ms since the start of this process."""
    _write_wake()
    _write(event, time.ticks_diff(time.ticks_ms(), _start), fields)


def _write(event, t, fields):
    fields["event"] = event
    fields["t"] = t
    sys.stdout.write("\x1e" + facts.get("token", "") + json.dumps(fields) + "\n")


_NEXT_MS = 20  # a board that sleeps again this soon after a wake has only checked something
_woke = 0  # when it last woke
_in_row = False  # whether the sleep under way follows another one at once
_unreported = None  # why it woke, if not reported yet: the next sleep may follow at once


def sleeping(ms):
    """Report that the board sleeps lightly. A row of sleeps after the first counts as one."""
    global _in_row, _unreported
    follows = _woke and time.ticks_diff(time.ticks_ms(), _woke) < _NEXT_MS
    if follows and _in_row:
        _unreported = None
    else:
        trace("sleep", mode="light", ms=ms)
        _in_row = bool(follows)


def woken(reason):
    """Report that a light sleep has ended; in a row of sleeps, with the next event."""
    global _woke, _unreported
    _woke = time.ticks_ms()
    if _in_row and reason != "packet":
        _unreported = reason
    else:
        trace("wake", reason=reason)


def _write_wake():
    global _unreported
    if _unreported:
        reason, _unreported = _unreported, None
        _write("wake", time.ticks_diff(_woke, _start), {"reason": reason})


_text = None
_inputs = None


def inputs(kind):
    """The dict of the inputs of ``kind``, as they are now."""
    global _text, _inputs
    with open("/.sim/inputs.json") as file:
        text = file.read()
    if text != _text:
        _inputs = json.loads(text)
        _text = text
    return (_inputs or {}).get(kind) or {}


endings: list = []  # functions that report what is still unreported


def end(event, **fields):
    """Ask the supervisor to end this process now, as a reset does: no ``finally`` runs."""
    for report in endings:
        report()
    trace(event, **fields)
    while True:
        time.sleep(1)


def native(name):
    """The built-in module that a shim of the same name hides."""
    path = sys.path[:]
    shim = sys.modules.pop(name, None)
    sys.path[:] = []
    try:
        return __import__(name)
    finally:
        sys.path[:] = path
        if shim:
            sys.modules[name] = shim
