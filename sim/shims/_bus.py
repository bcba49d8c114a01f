"""Code that the buses share: the pins that they may have, and the devices at them."""

import json

import _claims
from _pin import name
from _sim import facts

with open("/.sim/wiring.json") as _file:
    table = json.load(_file)["pins"]  # torpor_sim.wiring writes it


def wiring():
    """The devices of this board; None if cluster.toml wires none to it."""
    if "devices" not in facts:
        return None
    import _wiring

    return _wiring


def pins_of(kind, id, **given):
    """The pins of a bus by line: those that were given, else those of the port.

    Raises ``ValueError`` as the port does for a bus or a pin that it does not have.
    """
    bus = "%s%d" % (kind.lower(), id)
    default = table["buses"].get(bus)
    if default is None:
        text = (
            "UART(%d) does not exist"
            if facts["port"] == "esp32" and kind == "UART"
            else kind + "(%d) doesn't exist"
        )
        raise ValueError(text % id)
    pins = {}
    for line in default:
        pin = given.get(line)
        if pin is None or pin == -1:
            pins[line] = str(default[line])
            continue
        pins[line] = name(pin)
        valid = table["valid"].get("%s.%s" % (bus, line))
        if valid and int(pins[line]) not in valid:
            raise ValueError("bad %s pin" % line.upper())
    return pins


def soft_pins(**given):
    """The pins of a bus in software: any that the board has."""
    return {line: name(pin) for line, pin in given.items()}


def claim(owner, pins):
    """Record that a bus uses its pins, and report another one that uses them already."""
    for line, pin in pins.items():
        _claims.claim(pin, owner, line)
