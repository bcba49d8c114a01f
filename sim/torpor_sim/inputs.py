"""The inputs of a board: temperatures, pins, voltages, the access point.

The inputs are a JSON file that the board's shims read at each access, so values that are set here,
or by ``torpor sim set`` from another terminal, take effect at once.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torpor_tools.errors import fail
from torpor_tools.locks import locked
from torpor_tools.model.device import outside
from torpor_tools.model.plan import BoardPlan
from torpor_tools.project.curves import read_curve

from .flash import BoardFolder, write_json
from .wiring import ranges_of, wired_device

_ROM = re.compile(r"(10|22|28)[0-9a-f]{14}")  # the families of DS18S20, DS1822 and DS18B20
_FRIDGE = {"base": 5.0, "amplitude": 1.0}  # degrees Celsius
_PERIODS_S = (600, 420, 780)  # so that several probes differ
_KINDS = (
    "probe:ROM",
    "pin:NUMBER",
    "adc:NUMBER",
    "wifi:up|rssi|join_ms|ntp|answers",
    "chip:celsius",
    "DEVICE.INPUT",
)

_WIFI = ("up", "rssi", "join_ms", "ntp", "bssid", "dns", "answers", "password")

DEVICE_FAULTS = ("nack", "hang", "garbage")

Celsius = float | Mapping[str, float] | str | None


class Inputs:
    """The inputs of one board. Every call takes effect at once."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def probe(self, rom: str | bytes, celsius: Celsius) -> None:
        """Set the temperature that the DS18X20 with that ROM (hex) measures.

        Degrees Celsius; or ``{"base", "amplitude", "period_s"}``, a sine over the wall clock; or
        "crc": its answers are garbled; or None: it is disconnected.
        """
        self.set("probes", rom if isinstance(rom, str) else rom.hex(), celsius)

    def pin(self, pin: int | str, level: int) -> None:
        """Set the level, 0 or 1, at an input pin."""
        self.set("pins", str(pin), int(level))

    def level(self, pin: int | str) -> int | None:
        """The level at an input pin; None if nothing drives it."""
        levels: dict[str, int] = json.loads(self._path.read_text(encoding="utf-8")).get("pins", {})
        return levels.get(str(pin))

    def names(self, kind: str) -> list[str]:
        """The names of the inputs of ``kind``: the ROM codes of the probes."""
        return sorted(json.loads(self._path.read_text(encoding="utf-8")).get(kind, {}))

    def adc(self, pin: int | str, value: int) -> None:
        """Set the value, 0 to 65535, at an analogue pin or channel."""
        self.set("adc", str(pin), int(value))

    def device(self, name: str, **values: Any) -> None:
        """Set what a device senses: ``device("thermometer", temperature=21.5)``.

        A value is a number, a sine as for ``probe``, or ``{"points": [[seconds, value], ...]}``.
        """
        with self._change() as inputs:
            inputs.setdefault("devices", {}).setdefault(name, {}).update(values)

    def fault(self, name: str, kind: str | None) -> None:
        """Break a device: "nack", "hang" or "garbage"; None: it works again."""
        if kind not in (*DEVICE_FAULTS, None):
            raise ValueError(f"no fault is called {kind!r}: use {', '.join(DEVICE_FAULTS)}")
        self.set("faults", name, kind)

    def wifi(self, **state: bool | int | str) -> None:
        """Set the access point.

        ``up``, ``rssi`` (dBm), ``join_ms``, ``ntp`` (a time server answers), ``dns`` (the server
        that DHCP gives), ``answers`` (whether that server answers), ``bssid`` (hex),
        ``password`` (the only one that it accepts).
        """
        for name, value in state.items():
            if name not in _WIFI:
                raise TypeError(f"wifi() has no argument {name}; it takes {', '.join(_WIFI)}")
            self.set("wifi", name, value)

    def set(self, kind: str, name: str, value: Any) -> None:
        """Set one value of ``kind`` (probes, pins, adc, wifi or chip)."""
        with self._change() as inputs:
            inputs.setdefault(kind, {})[name] = value

    def prepare(self, defaults: dict[str, dict[str, Any]]) -> None:
        """Write the file, with the values that it has already and ``defaults`` for the others."""
        with self._change() as inputs:
            for kind, values in defaults.items():
                inputs[kind] = values | inputs.get(kind, {})

    @contextmanager
    def _change(self) -> Iterator[dict[str, dict[str, Any]]]:
        # Two processes may set values at once.
        with locked(self._path.with_suffix(".lock")):
            inputs = (
                json.loads(self._path.read_text(encoding="utf-8")) if self._path.exists() else {}
            )
            yield inputs
            write_json(self._path, inputs)


def defaults(board: BoardPlan) -> dict[str, dict[str, Any]]:
    """Return the inputs with which a board begins.

    Each ROM code in its services' settings is a probe in a fridge whose temperature swings around
    5 degrees.
    """
    roms: list[str] = []
    for service in board.services:
        roms += [rom for rom in _roms(service.entry.config) if rom not in roms]
    curves = (_PERIODS_S[i % len(_PERIODS_S)] for i in range(len(roms)))
    probes = {rom: {**_FRIDGE, "period_s": s} for rom, s in zip(roms, curves, strict=True)}
    return {
        "probes": probes,
        "pins": {},
        "adc": {},
        "wifi": {},
        "chip": {},
        "devices": {},
        "faults": {},
    }


def _roms(value: Any) -> Iterator[str]:
    if isinstance(value, str) and _ROM.fullmatch(value.lower()):
        yield value.lower()
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _roms(each)
    elif isinstance(value, list):
        for each in value:
            yield from _roms(each)


def set_input(storage: Path, board: str, key: str, text: str) -> None:
    """Set an input of a running simulator: ``set_input(storage, "shed", "probe:28ff…", "9.5")``.

    Raises ``UserError`` for a board that does not run there, and for a wrong key or value.
    """
    folder = BoardFolder(storage / board)
    if not folder.inputs.exists():
        boards = sorted(p.parent.parent.name for p in storage.glob("*/run/inputs.json"))
        known = f"boards there: {', '.join(boards)}" if boards else "start it with torpor sim"
        raise fail(f"no board {board} is simulated in {storage}", known)
    if ":" not in key and "." in key:
        _set_device(storage, board, key, text)
        return
    kind, _, name = key.partition(":")
    parse = _PARSERS.get(kind)
    if not (parse and name):
        raise fail(f"{key}: there is no such input", f"inputs: {', '.join(_KINDS)}")
    if not _NAMES[kind].fullmatch(name):
        raise fail(f"{key}: there is no such input", f"inputs: {', '.join(_KINDS)}")
    plural = {"probe": "probes", "pin": "pins"}.get(kind, kind)
    inputs = Inputs(folder.inputs)
    if kind == "probe":
        name = name.lower()
        _check_probe(name, inputs.names(plural))
    inputs.set(plural, name, parse(key, text))


def _set_device(storage: Path, board: str, key: str, text: str) -> None:
    """Set what a device senses: ``thermometer.temperature``."""
    name, _, which = key.partition(".")
    device = wired_device(storage, board, name)
    if which not in device["inputs"]:
        known = ", ".join(f"{name}.{each}" for each in device["inputs"]) or "it senses nothing"
        raise fail(f"{key}: a {device['model']} has no such input", f"inputs: {known}")
    value = _parse_sensed(key, text)
    problem = outside(ranges_of(storage, board, device["model"]), name, which, value)
    if problem:
        raise fail(problem, f"give a value that the model {device['model']} can sense")
    Inputs(BoardFolder(storage / board).inputs).device(name, **{which: value})


def _parse_sensed(key: str, text: str) -> Any:
    if text.endswith(".csv"):
        return read_curve(Path(text), text) | {"since": time.time()}
    value = _parse_number_or_sine(text)
    if value is not None:
        return value
    expected = 'a number, a curve\'s file.csv or {"base": 5, "amplitude": 1, "period_s": 600}'
    raise fail(f"{key}: {text} is not a value it can have", f"give {expected}")


def _parse_number_or_sine(text: str) -> float | dict[str, float] | None:
    """Return a number, or a sine as ``{"base", "amplitude", "period_s"}``; None for other text."""
    value = _parse_json(text)
    is_sine = isinstance(value, dict) and value.keys() == {"base", "amplitude", "period_s"}
    return value if is_sine or isinstance(value, int | float) else None


def _check_probe(rom: str, known: list[str]) -> None:
    if rom not in known:
        there = "its probes: " + ", ".join(known) if known else "its services' settings name none"
        raise fail(f"no probe of the board has the ROM code {rom}", there)


def _parse_probe(key: str, text: str) -> Celsius:
    if text in ("off", "crc"):
        return None if text == "off" else text
    value = _parse_number_or_sine(text)
    if value is not None:
        return value
    expected = 'degrees Celsius, off, crc or {"base": 5, "amplitude": 1, "period_s": 600}'
    raise fail(f"{key}: {text} is not a temperature", f"give {expected}")


def _parse_number(key: str, text: str) -> int:
    most = 1 if key.startswith("pin:") else 65535
    value = _parse_json(text)
    if isinstance(value, int) and 0 <= value <= most:
        return int(value)
    raise fail(f"{key}: {text} is not a value it can have", f"give a number from 0 to {most}")


def _parse_state(key: str, text: str) -> bool | int | float:
    words = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
    value = words[text.lower()] if text.lower() in words else _parse_json(text)
    if isinstance(value, bool | int | float):
        return value
    raise fail(f"{key}: {text} is not a value it can have", "give yes, no or a number")


def _parse_json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


# A pin may have a name on its board: LED, EXT_GPIO0.
_NAMES = {
    "probe": re.compile(".+"),
    "pin": re.compile(r"\d{1,3}|[A-Z][A-Z0-9_]*"),
    "adc": re.compile(r"\d{1,3}|[A-Z][A-Z0-9_]*"),
    "wifi": re.compile("up|rssi|join_ms|ntp|answers"),
    "chip": re.compile("celsius"),
}
_PARSERS = {
    "probe": _parse_probe,
    "pin": _parse_number,
    "adc": _parse_number,
    "wifi": _parse_state,
    "chip": _parse_state,
}
