"""The fixture ``board``: sets what the board senses, and shows what it has done.

It is loaded for tests that use it: the others need its heap on a chip.
"""

import sys
import time

from . import world
from .arguments import NUMBER, expect, only, refuse, within

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_WIFI = ("up", "rssi", "join_ms", "ntp", "bssid", "dns", "answers")
_WAVE = ("base", "amplitude", "period_s")
_WIDEST_C = 1000  # limit for a test; the probe itself measures from -55 to 125
_HEX = "0123456789abcdef"
_CELSIUS = 'degrees Celsius, "crc", None, or a dict of base, amplitude and period_s'
_SENSED = (
    "a number, a dict of base, amplitude and period_s, or a curve "
    '{"points": [[seconds, value], ...]}'
    "; a curve in a file is for cluster.toml and torpor set"
)
_FAULTS = ("nack", "hang", "garbage")


class Board:
    """The fixture ``board``. Every call takes effect at once. Each test begins without inputs."""

    events = world.events

    def probe(self, rom: str, celsius: "Any") -> None:
        """Set what a DS18X20 measures.

        Args:
            rom: Its ROM code, 16 hexadecimal digits.
            celsius: Degrees Celsius; a dict of ``base``, ``amplitude`` and ``period_s``, a sine
                over the wall clock; "crc" for garbled answers; None if the probe is cut off.
        """
        call = "board.probe()"
        expect(call, "rom", rom, str, "16 hexadecimal digits")
        rom = rom.lower()
        if len(rom) != 16 or rom.strip(_HEX):
            refuse(call, "rom", rom, "16 hexadecimal digits")
        if isinstance(celsius, dict):
            if sorted(celsius) != ["amplitude", "base", "period_s"]:
                refuse(call, "celsius", celsius, _CELSIUS)
            for name in _WAVE:
                least = 0.001 if name == "period_s" else -_WIDEST_C
                within(call, name, celsius[name], least, 1e9, "a number", NUMBER)
        elif celsius is not None and celsius != "crc":
            within(call, "celsius", celsius, -_WIDEST_C, _WIDEST_C, _CELSIUS, NUMBER)
        world.inputs["probes"][rom] = celsius

    def pin(self, pin: "Any", level: int) -> None:
        """Set the level, 0 or 1, at an input pin."""
        if level is not True and level is not False:
            within("board.pin()", "level", level, 0, 1, "0 or 1")
        world.inputs["pins"][_name("board.pin()", pin)] = int(level)
        interrupts = sys.modules.get("_irq")
        if interrupts:
            interrupts.changed(pin)  # type: ignore[attr-defined]

    def adc(self, pin: "Any", value: int) -> None:
        """Set the value, 0 to 65535, at an analogue pin or channel."""
        within("board.adc()", "value", value, 0, 65535, "a whole number from 0 to 65535")
        world.inputs["adc"][_name("board.adc()", pin)] = value

    def wifi(self, **state: "Any") -> None:
        """Set the state of the access point; other properties do not change.

        Args:
            **state: ``up``: whether the access point is on (bool). ``rssi``: the strength of its
                signal in dBm, at most 0. ``join_ms``: the time that joining takes. ``ntp``: whether
                the network answers NTP (bool). ``bssid``: the access point's address, 12
                hexadecimal digits. ``dns``: the address of the DNS server that DHCP gives.
                ``answers``: whether that server answers (bool).
        """
        call = "board.wifi()"
        only(call, state, _WIFI)
        for name, value in state.items():
            if name == "rssi":
                within(call, name, value, -200, 0, "dBm, from -200 to 0")
            elif name == "join_ms":
                within(call, name, value, 0, 1 << 28, "a whole number of milliseconds")
            elif name == "bssid" or name == "dns":
                expect(call, name, value, str, "text")
                if name == "bssid" and (len(value) != 12 or value.lower().strip(_HEX)):
                    refuse(call, name, value, "12 hexadecimal digits")
            else:
                expect(call, name, value, bool, "True or False")
        world.inputs["wifi"].update(state)

    def set(self, device: str, **values: "Any") -> None:
        """Set what a device of ``[boards.<name>.devices]`` senses, as ``temperature=21.5``.

        A value is a number, a dict of ``base``, ``amplitude`` and ``period_s`` (a sine), or a curve
        that begins now: ``{"points": [[0, 20.0], [60, 25.5]]}``, seconds and values.
        """
        call = "board.set()"
        part = _device(call, device)
        only(call, values, tuple(part.inputs))
        sensed = {}
        for name, value in values.items():
            for number in _numbers(call, name, value):
                limits = part.RANGES.get(name) or part.RANGES.get("*")
                if limits and not limits[0] <= number <= limits[1]:
                    known = " ".join([str(each) for each in limits[1:]])
                    raise TypeError(
                        "%s: %s.%s cannot be %s: it is from %s to %s"
                        % (call, device, name, number, limits[0], known)
                    )
            if isinstance(value, dict) and "points" in value:
                value = {"points": value["points"], "since": time.time_ns() // 1000000000}
            sensed[name] = value
        world.inputs["devices"].setdefault(device, {}).update(sensed)

    def fault(self, device: str, kind: "Any") -> None:
        """Break a device: "nack", "hang" or "garbage"; None: it works again."""
        _device("board.fault()", device)
        if kind is not None and kind not in _FAULTS:
            refuse("board.fault()", "kind", kind, "one of " + ", ".join(_FAULTS) + ", or None")
        world.inputs["faults"][device] = kind

    def shown(self, device: str) -> "Any":
        """Return what a device shows: the angle of a servo, the lines or dots of a display.

        Dots are lines of ``#`` and ``.``, lamps are (red, green, blue). None: it shows nothing.
        """
        state = _device("board.shown()", device).shown()
        if state is None:
            return None
        kind = state["kind"]
        if kind == "frame":
            return _dots(state)
        if kind == "pixels":
            return [tuple(rgb) for rgb in state["rgb"]]
        if kind == "bytes":
            return bytes.fromhex(state["hex"])
        return state["lines" if kind == "text" else "degrees" if kind == "angle" else "levels"]

    def output(self, pin: "Any") -> "Any":
        """Return the level that an output pin was last set to; None if it never was."""
        name = _name("board.output()", pin)
        level = None
        for event in world.events:
            if event["event"] == "pin" and event["pin"] == name:
                level = event["value"]
        return level


def _device(call: str, name: str):
    """Return the device with that name. Raise ``TypeError`` if none is wired to the board."""
    try:
        import _pin  # noqa: F401  it plugs the devices in
        import _wiring

        devices = _wiring.devices
    except (ImportError, KeyError, OSError):
        devices = {}
    if name not in devices:
        known = ", ".join(sorted(devices)) or "none is in cluster.toml"
        raise TypeError(
            "%s: no device %r is wired to the board; its devices: %s" % (call, name, known)
        )
    return devices[name]


def _numbers(call: str, name: str, value) -> list:
    """Return the numbers that decide whether a value is in range: a curve has several."""
    if not isinstance(value, dict):
        within(call, name, value, -1e10, 1e10, _SENSED, NUMBER)
        return [value]
    if sorted(value) == ["amplitude", "base", "period_s"]:
        for key in _WAVE:
            least = 0.001 if key == "period_s" else -1e10
            within(call, key, value[key], least, 1e10, "a number", NUMBER)
        return [value["base"] - abs(value["amplitude"]), value["base"] + abs(value["amplitude"])]
    if sorted(value) != ["points"] or not value["points"]:
        refuse(call, name, value, _SENSED)
    before = 0
    for point in value["points"]:
        if not isinstance(point, (list, tuple)) or len(point) != 2:
            refuse(call, name, point, "[seconds, value]")
        within(call, "seconds", point[0], before, 1e10, "the seconds in order", NUMBER)
        within(call, name, point[1], -1e10, 1e10, "a number", NUMBER)
        before = point[0]
    return [point[1] for point in value["points"]]


def _dots(state) -> list:
    data = bytes.fromhex(state["hex"])
    width = state["width"]
    stride = (width + 7) // 8
    return [
        "".join(["#" if data[y + (x >> 3)] << (x & 7) & 0x80 else "." for x in range(width)])
        for y in range(0, len(data), stride)
    ]


def _name(call: str, pin) -> str:
    """Return the pin in the form of the shims, which accept numbers, names and Pin objects."""
    if isinstance(pin, bool) or not isinstance(pin, (int, str)) or pin == "":
        refuse(call, "pin", pin, 'a number, or a name such as "LED"')
    return str(pin)
