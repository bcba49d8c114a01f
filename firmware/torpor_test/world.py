"""The world around the board in a test: what it senses, and what it has done.

The simulator's shims stand in for the chip's modules in tests too, on every target. They ask
``_sim``, whose doors lead here instead of to the supervisor.
"""

import sys

import _sim  # of the simulator

from . import Ended

_kinds = ("probes", "pins", "adc", "wifi", "chip", "devices", "faults")
inputs = {}
events = []
"""What the board did, in order: dicts with ``event`` (pin, radio, sleep, watchdog, ...)."""


def _trace(event, **fields) -> None:
    fields["event"] = event
    events.append(fields)


def _read(kind):
    return inputs[kind]


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
    """Forget all inputs and events before a test."""
    events.clear()
    for kind in _kinds:
        inputs[kind] = {}
    claims = sys.modules.get("_claims")
    if claims:
        claims.forget()  # type: ignore[attr-defined]
    wiring = sys.modules.get("_wiring")
    for device in wiring.devices.values() if wiring else ():
        device.begin()
