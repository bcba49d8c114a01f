"""The world around the board in a test: probes, pins, voltages, and what the board did to them.

The simulator's shims stand in for the chip's modules in tests too, on every target. They ask
``_sim``, whose doors lead here instead of to the supervisor.
"""

import _sim  # type: ignore[import-not-found]  # of the simulator

from . import Ended

_WIFI = ("up", "rssi", "join_ms", "ntp", "bssid", "dns", "answers")
_kinds = ("probes", "pins", "adc", "wifi", "chip")
_inputs = {}
events = []
"""What the board did, in order: dicts with ``event`` (pin, radio, sleep, watchdog, ...)."""


class Board:
    """The fixture ``board``. Every call takes effect at once; a new test begins with nothing."""

    events = events

    def probe(self, rom: str, celsius) -> None:
        """What the DS18X20 of that ROM (hex) measures: degrees, "crc" (garbled), None (cut off)."""
        _inputs["probes"][rom] = celsius

    def pin(self, pin, level: int) -> None:
        """The level, 0 or 1, at an input pin."""
        _inputs["pins"][str(pin)] = int(level)

    def adc(self, pin, value: int) -> None:
        """The value, 0 to 65535, at an analogue pin or channel."""
        _inputs["adc"][str(pin)] = int(value)

    def wifi(self, **state) -> None:
        """The access point: ``up``, ``rssi`` (dBm), ``join_ms``, ``ntp``, ``bssid`` (hex)."""
        for name in state:
            if name not in _WIFI:
                known = ", ".join(_WIFI)
                raise TypeError("board.wifi() has no argument %s; it takes %s" % (name, known))
        _inputs["wifi"].update(state)

    def output(self, pin):
        """The level that an output pin was last set to; None if it never was."""
        level = None
        for event in events:
            if event["event"] == "pin" and event["pin"] == str(pin):
                level = event["value"]
        return level


def _trace(event, **fields) -> None:
    fields["event"] = event
    events.append(fields)


def _read(kind):
    return _inputs[kind]


def _end(event, **fields) -> None:
    _trace(event, **fields)
    raise Ended(event, fields)


def install() -> None:
    """Lead the doors of ``_sim`` here; before any shim is imported, which take them as names."""
    _sim.trace = _trace
    _sim.inputs = _read
    _sim.end = _end
    reset()


def reset() -> None:
    """The world as a test finds it."""
    events.clear()
    for kind in _kinds:
        _inputs[kind] = {}
