"""``[boards.<name>.devices]`` into the devices of a board."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import Problem, UserError
from ..model.board import Board
from ..model.cluster import BoardEntry
from ..model.device import BUS_LINES, Device, DeviceEntry, DeviceModel, outside
from ..suggest import did_you_mean, listing, ranges
from .curves import read_curve
from .document import Document
from .models import model_files, read_model

_BUS = re.compile(r"(i2c|spi|uart)(\d*)")
_LINES = ("scl", "sda", "sck", "mosi", "miso", "tx", "rx")
_CURVE = {"base", "amplitude", "period_s"}
_EXAMPLE = 'write for example thermometer = { model = "bme280", bus = "i2c0", address = 0x76 }'


def read_devices(
    document: Document, path: tuple[str, ...], board: dict[str, Any]
) -> tuple[DeviceEntry, ...]:
    """The table ``devices`` of a board, its mistakes in the document."""
    table = document.take(path, board, "devices", dict, {})
    entries = []
    for name, values in table.items():
        at = (*path, "devices", name)
        if not isinstance(values, dict):
            document.report(at, f"{name}: expected a table, got {values!r}", _EXAMPLE)
        elif not name.isidentifier() or not name.isascii():
            remedy = "use letters, digits and _"
            document.report(at, f'"{name}" cannot be the name of a device', remedy)
        else:
            wheres = {key: document.where(*at, key) for key in values}
            entries.append(DeviceEntry(name, values, document.where(*at), wheres))
    return tuple(entries)


def wired(root: Path, board: BoardEntry, kind: Board) -> tuple[tuple[Device, ...], list[Problem]]:
    """The devices of a board, and every mistake in how they are wired."""
    problems: list[Problem] = []
    devices = []
    files = model_files(root) if board.devices else {}
    for entry in board.devices:
        reader = _Reader(root, entry, kind, files)
        device = reader.read()
        problems += reader.problems
        if device:
            devices.append(device)
    problems += _shared(devices)
    return tuple(devices), problems


class _Reader:
    """Reads one device; its mistakes go into ``problems``."""

    def __init__(self, root: Path, entry: DeviceEntry, kind: Board, files: dict[str, Path]) -> None:
        self.problems: list[Problem] = []
        self._root = root
        self._entry = entry
        self._kind = kind
        self._files = files

    def read(self) -> Device | None:
        model = self._model()
        if model is None:
            return None
        bus = self._bus(model)
        pins = self._pins(model)
        miso = self._miso(model)
        known = [*model.inputs, *model.options]
        inputs, options = dict(model.inputs), dict(model.options)
        own = {"model", "address", "bus", *_LINES, *model.pins}
        for key, value in self._entry.values.items():
            if key in model.inputs:
                inputs[key] = self._input(model, key, value)
            elif key in model.options:
                options[key] = self._option(key, value, model.options[key])
            elif key not in own:
                usual = "address, bus" if model.bus == "i2c" else ", ".join(model.pins) or "bus"
                remedy = did_you_mean(key, [*known, *own]) or f"known: {listing([usual, *known])}"
                self._report(key, f'{self._entry.name}: unknown key "{key}"', remedy)
        address = self._address(model)
        if self.problems:
            return None
        entry = self._entry
        return Device(entry.name, model, entry.where, bus, pins, address, inputs, options, miso)

    def _report(self, key: str, what: str, remedy: str) -> None:
        self.problems.append(Problem(self._entry.where_of(key), what, remedy))

    def _model(self) -> DeviceModel | None:
        name = self._entry.values.get("model")
        if not isinstance(name, str):
            self._report("model", f"{self._entry.name} has no model", _EXAMPLE)
            return None
        path = self._files.get(name)
        if path is None:
            near = did_you_mean(name, list(self._files))
            what = f'{self._entry.name}: there is no model "{name}"'
            remedy = near or f"known: {listing(sorted(self._files))}; or add sim/{name}.py"
            self._report("model", what, remedy)
            return None
        inside = path.is_relative_to(self._root)
        shown = path.relative_to(self._root).as_posix() if inside else path.name
        try:
            return read_model(path, shown)
        except UserError as error:
            self.problems += error.problems
            return None

    def _bus(self, model: DeviceModel) -> tuple[int, ...]:
        lines = BUS_LINES[model.bus]
        if not lines:
            return ()
        name = self._entry.values.get("bus")
        match = _BUS.fullmatch(name) if isinstance(name, str) else None
        if not match or match[1] != model.bus:
            buses = [bus for bus in self._kind.pins.buses if bus.startswith(model.bus)]
            remedy = f"{self._kind.name} has {listing(buses)}; or name the pins of one in software"
            what = f"{self._entry.name}: a {model.name} needs a bus of the type {model.bus}"
            self._report("bus", what, f'write bus = "{buses[0] if buses else model.bus}": {remedy}')
            return ()
        assert isinstance(name, str)
        usual = self._kind.pins.buses.get(name, {})
        if match[2] and not usual:
            buses = [bus for bus in self._kind.pins.buses if bus.startswith(model.bus)]
            what = f"{self._entry.name}: a {self._kind.name} has no {name}"
            self._report("bus", what, f"it has {listing(buses)}")
            return ()
        return tuple(self._line(f"{name}.", line, usual.get(line)) for line in lines)

    def _pins(self, model: DeviceModel) -> dict[str, int]:
        optional = model.bus != "pin"
        wired = [p for p in model.pins if p in self._entry.values or not optional]
        return {line: self._line("", line, None) for line in wired}

    def _miso(self, model: DeviceModel) -> int | None:
        """The pin of a SPI's MISO if it is named: it is optional."""
        if model.bus != "spi" or "miso" not in self._entry.values:
            return None
        return self._line(f"{self._entry.values.get('bus')}.", "miso", None)

    def _line(self, bus: str, line: str, usual: int | None) -> int:
        """The pin of a line, which the board must have."""
        pin = self._entry.values.get(line, usual)
        name = self._entry.name
        if type(pin) is not int:
            self._report(line, f"{name}: {line} has no pin", f"add {line} = the pin's number")
            return 0
        pins = self._kind.pins
        valid = pins.valid.get(f"{bus}{line}") or pins.gpio
        if pins.gpio and pin not in pins.gpio:
            self._report(
                line,
                f"{name}: {self._kind.name} has no pin {pin}",
                f"use one of {ranges(pins.gpio)}",
            )
        elif valid and pin not in valid:
            what = f"{name}: pin {pin} cannot be {bus}{line} of a {self._kind.name}"
            self._report(line, what, f"use one of {ranges(valid)}")
        return pin

    def _address(self, model: DeviceModel) -> int | None:
        if model.bus != "i2c":
            return None
        default = model.addresses[0] if model.addresses else None
        address = self._entry.values.get("address", default)
        known = ", ".join(f"{each:#x}" for each in model.addresses)
        if type(address) is not int or not 0x08 <= address < 0x78:
            what = f"{self._entry.name}: expected an address from 0x08 to 0x77, got {address!r}"
            self._report("address", what, f"a {model.name} has {known}" if known else "add one")
            return None
        if model.addresses and address not in model.addresses:
            what = f"{self._entry.name}: a {model.name} cannot have the address {address:#x}"
            self._report("address", what, f"it can have {known}")
        return address

    def _input(self, model: DeviceModel, key: str, value: Any) -> Any:
        if isinstance(value, str):
            try:
                value = read_curve(self._root / value, value)
            except UserError as error:
                self._report(key, error.problems[0].what, error.problems[0].remedy)
                return value
        elif value.keys() != _CURVE if isinstance(value, dict) else not _is_number(value):
            remedy = "give a number, a file of a curve, or { base, amplitude, period_s }"
            self._report(key, f"{self._entry.name}: {key} is not a value: {value!r}", remedy)
            return value
        problem = outside(model.ranges, self._entry.name, key, value)
        if problem:
            self._report(key, problem, f"give a value that the model {model.name} can sense")
        return value

    def _option(self, key: str, value: Any, default: Any) -> Any:
        kinds = (int, float) if isinstance(default, float) else (type(default),)
        if type(value) not in kinds:
            what = f"{self._entry.name}: {key} is not a value: {value!r}"
            self._report(key, what, f"it is {default!r} without it")
        return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def _shared(devices: list[Device]) -> Iterator[Problem]:
    """Two devices with one address, or two lines at one pin."""
    addresses: dict[Any, Device] = {}
    lines: dict[int, list[tuple[str, Device]]] = {}
    for device in devices:
        if device.model.bus == "i2c":
            other = addresses.setdefault((device.bus, device.address), device)
            if other is not device:
                what = f"{other.name} has the address {device.address:#x} on this bus already"
                yield Problem(device.where, f"{device.name}: {what}", "change the address of one")
        reported: set[str] = set()
        for line, pin in _lines(device):
            for there, other in lines.setdefault(pin, []):
                if other.name in reported or _go_together(line, device, there, other):
                    continue
                reported.add(other.name)
                whose = "it" if other is device else other.name
                place = f"pin {pin} already" + (f", as its {there}" if there else "")
                what = f"{device.name}: {whose} uses {place}"
                yield Problem(device.where, what, "wire one of them to another pin")
                break
            lines[pin].append((line, device))


def _lines(device: Device) -> Iterator[tuple[str, int]]:
    """All lines of a device with their pins; those of a bus have a name, its own ones have none."""
    yield from zip(BUS_LINES[device.model.bus], device.bus, strict=False)
    if device.miso is not None:
        yield "miso", device.miso
    yield from (("", pin) for pin in device.pins.values())


def _go_together(line: str, device: Device, there: str, other: Device) -> bool:
    """Whether two lines may be at one pin: those of a bus of several devices, or of one wire."""
    if other is device:
        return False
    if line or there:
        same = device.model.bus == other.model.bus != "uart" and device.bus == other.bus
        return same and line == there
    return _share_a_wire(device, other)


def _share_a_wire(a: Device, b: Device) -> bool:
    """Whether both may share one wire: several thermometers, or displays with D/C in common."""
    if a.model.name == b.model.name == "ds18b20":
        return bool(a.options["rom"] != b.options["rom"])
    return a.model.bus == b.model.bus == "spi" and a.pins.get("cs") != b.pins.get("cs")
