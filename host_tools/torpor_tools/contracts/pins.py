"""The pins that services use, where the number is written out, held against their board.

A pin in a module of ``lib/`` is a pin of each service that imports the module.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..errors import Problem, Where
from ..model.board import Board
from ..model.cluster import BoardEntry, Cluster, ServiceEntry
from ..suggest import listing, ranges
from .lib import reached
from .source import Source
from .source_module import Module

_BUSES = {"machine.I2C": "i2c", "machine.SPI": "spi", "machine.UART": "uart"}
_SOFT = ("machine.SoftI2C", "machine.SoftSPI")
_TABLES = ("machine.Pin.board", "machine.Pin.cpu")
_CHANNELS = 5  # that a Pico's ADC takes by number: NUM_ADC_CHANNELS in ports/rp2/machine_adc.c


@dataclass(frozen=True)
class _Use:
    """A call with a pin: ``kind`` is Pin, ADC or a line of a bus such as i2c0.scl."""

    kind: str
    pin: int | str
    where: Where
    mode: str = ""  # IN, OUT or OPEN_DRAIN, if it is written out
    is_number: bool = False  # without Pin(): for an ADC of a Pico it may be a channel


def pins_exist(
    cluster: Cluster,
    board: BoardEntry,
    kind: Board,
    sources: dict[str, Source],
    lib: Iterable[Module],
) -> Iterator[Problem]:
    """Each pin is one that the board has, and can do what it is used for."""
    for name, source in _of(board, sources):
        modules = _modules(source, lib)
        for use in _uses(modules, _entry(cluster, name)):
            if wrong := _wrong(use, kind):
                yield Problem(use.where, *wrong)
        yield from _buses_exist(modules, kind)


def pins_have_one_owner(
    cluster: Cluster,
    board: BoardEntry,
    kind: Board | None,
    sources: dict[str, Source],
    lib: Iterable[Module],
) -> Iterator[Problem]:
    """Two services of a board do not drive the same pin; both may read it.

    A pin of a module of ``lib/`` that both import is not counted: which of them uses it is known
    only when they run.
    """
    owners: dict[int | str, tuple[str, _Use]] = {}
    for name, source in _of(board, sources):
        for use in _uses(_modules(source, lib), _entry(cluster, name)):
            if use.kind != "Pin":
                continue
            owner, first = owners.setdefault(_same(use.pin, kind), (name, use))
            if owner == name or use.where == first.where:
                continue
            if not (use.mode == first.mode == "IN"):
                what = f"{name} uses pin {use.pin} of {board.name}, which {owner} uses"
                remedy = f"{owner} does so at {first.where}: let one service own it, or both read"
                yield Problem(use.where, what, f"{remedy} it with Pin.IN")
                break


def _of(board: BoardEntry, sources: dict[str, Source]) -> Iterator[tuple[str, Source]]:
    for name in board.services:
        if name in sources:
            yield name, sources[name]


def _modules(source: Source, lib: Iterable[Module]) -> tuple[Module, ...]:
    """A service's modules, its main one first, and those of ``lib/`` that it imports."""
    return (*source.modules, *reached(source.modules, lib))


def _same(pin: int | str, kind: Board | None) -> int | str:
    """One name for a pin that has several: 5 for GP5."""
    number = _number(pin, kind) if kind and isinstance(pin, str) else -1
    return number if number >= 0 else pin


def _entry(cluster: Cluster, name: str) -> ServiceEntry | None:
    return next((entry for entry in cluster.services if entry.name == name), None)


def _wrong(use: _Use, kind: Board) -> tuple[str, str] | None:
    """Return what is wrong with a use, and the remedy."""
    pins = kind.pins
    if not pins.gpio:
        return None
    pin = _same(use.pin, kind)
    if isinstance(pin, str):
        known = pin in pins.names
        return None if known else (f"a {kind.name} has no pin {pin}", _names(kind))
    if use.kind == "ADC" and kind.port == "rp2" and use.is_number and 0 <= pin < _CHANNELS:
        return None
    if pin not in pins.gpio:
        remedy = f"it has {ranges(pins.gpio)}" if pin == use.pin else _names(kind)
        return f"a {kind.name} has no pin {use.pin}", remedy
    if use.kind == "ADC" and pin not in pins.adc:
        what = f"pin {use.pin} of a {kind.name} has no analogue input"
        return what, f"use one of {ranges(pins.adc)}"
    if use.mode in ("OUT", "OPEN_DRAIN") and pin in pins.input_only:
        what = f"pin {use.pin} of a {kind.name} can only be an input"
        return what, f"others can be outputs; only inputs are {ranges(pins.input_only)}"
    valid = pins.valid.get(use.kind)
    if valid and pin not in valid:
        return f"pin {use.pin} of a {kind.name} cannot be {use.kind}", f"use one of {ranges(valid)}"
    return None


def _number(name: str, kind: Board) -> int:
    """The number in GP5 or GPIO5, which only a Pico has; -1: there is none."""
    digits = name.lstrip("GPIO") if kind.port == "rp2" else ""
    return int(digits) if digits.isdigit() else -1


def _names(kind: Board) -> str:
    numbers = f"it has {ranges(kind.pins.gpio)}"
    return f"{numbers}, and {listing(kind.pins.names)}" if kind.pins.names else numbers


def _buses_exist(modules: Iterable[Module], kind: Board) -> Iterator[Problem]:
    for module, call in _calls(modules):
        name = _BUSES.get(module.origin(call.func))
        number = constant(module, call.args[0] if call.args else _keyword(call, "id"))
        if name and isinstance(number, int) and kind.pins.buses:
            have = [bus for bus in kind.pins.buses if bus.startswith(name)]
            uart0 = kind.port == "esp32" and (name, number) == ("uart", 0)  # its prompt is there
            if f"{name}{number}" not in have and not uart0:
                what = f"a {kind.name} has no {name}{number}"
                yield module.problem(call, what, f"it has {listing(have)}")


def _uses(modules: tuple[Module, ...], entry: ServiceEntry | None) -> Iterator[_Use]:
    for module, call in _calls(modules):
        name = module.origin(call.func)
        if name in ("machine.Pin", "machine.ADC", "machine.PWM") and call.args:
            config = entry if module is modules[0] else None
            argument = _unwrapped(module, call.args[0])
            pin, where = value_of(module, argument, config)
            if pin is not None:
                kind = "ADC" if name == "machine.ADC" else "Pin"
                is_number = argument is call.args[0] and isinstance(pin, int)
                yield _Use(kind, pin, where, _mode(call), is_number)
        elif ast.unparse(call.func) == "self.output" and (driven := output_pin(call)):
            pin, where = value_of(module, driven, entry)
            if pin is not None:
                yield _Use("Pin", pin, where, "OUT")
        elif bus := _BUSES.get(name, "soft" if name in _SOFT else ""):
            number = constant(module, call.args[0] if call.args else _keyword(call, "id"))
            yield from _lines(module, call, f"{bus}{'' if number is None else number}")


def _lines(module: Module, call: ast.Call, bus: str) -> Iterator[_Use]:
    """The pins of a bus, whose ``Pin`` calls are not uses of their own."""
    for keyword in call.keywords:
        pin = constant(module, _unwrapped(module, keyword.value))
        if isinstance(pin, int | str) and keyword.arg in (
            "scl",
            "sda",
            "sck",
            "mosi",
            "miso",
            "tx",
            "rx",
        ):
            yield _Use(f"{bus}.{keyword.arg}", pin, module.where(call))


def _unwrapped(module: Module, node: ast.expr) -> ast.expr:
    """``4`` for ``Pin(4)``."""
    if isinstance(node, ast.Call) and module.origin(node.func) == "machine.Pin" and node.args:
        return node.args[0]
    return node


def _calls(modules: Iterable[Module]) -> Iterator[tuple[Module, ast.Call]]:
    """All calls but those of ``Pin`` for a line of a bus or for an ``ADC``."""
    for module in modules:
        inner = set()
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call) and module.origin(node.func) in (
                *_BUSES,
                *_SOFT,
                "machine.ADC",
                "machine.PWM",
            ):
                inner |= {id(each) for each in (*node.args, *(k.value for k in node.keywords))}
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call):
                is_inner = id(node) in inner and module.origin(node.func) == "machine.Pin"
                if not is_inner:
                    yield module, node


def value_of(
    module: Module, node: ast.expr, entry: ServiceEntry | None
) -> tuple[int | str | None, Where]:
    """A pin that is written out, here or as a setting; and where."""
    pin = constant(module, node)
    where = module.where(node)
    key = _setting(node)
    if key and entry and key in entry.config:
        pin, where = entry.config[key], entry.config_wheres.get(key, entry.where)
    return (pin, where) if type(pin) in (int, str) else (None, where)


def _setting(node: ast.expr) -> str:
    """``pin`` for ``self.config["pin"]``."""
    if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "self.config":
        key = node.slice
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            return key.value
    return ""


def constant(module: Module, node: ast.expr | None) -> int | str | None:
    """The value of a literal, or of a name that the module sets once, with or without const().

    ``Pin.board.GP5`` is the name GP5.
    """
    if isinstance(node, ast.Attribute):
        table, _, name = module.origin(node).rpartition(".")
        return name if table in _TABLES else None
    if isinstance(node, ast.Constant) and type(node.value) in (int, str):
        return node.value  # type: ignore[return-value]
    if isinstance(node, ast.Name):
        values = [
            statement.value
            for statement in module.tree.body
            if isinstance(statement, ast.Assign)
            and any(isinstance(t, ast.Name) and t.id == node.id for t in statement.targets)
        ]
        if len(values) == 1:
            value = values[0]
            if isinstance(value, ast.Call) and len(value.args) == 1:
                value = value.args[0]
            if isinstance(value, ast.Constant) and type(value.value) in (int, str):
                return value.value  # type: ignore[return-value]
    return None


def _keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((keyword.value for keyword in call.keywords if keyword.arg == name), None)


def output_pin(call: ast.Call) -> ast.expr | None:
    """The pin of ``self.output(pin)``."""
    return call.args[0] if call.args else _keyword(call, "pin")


def _mode(call: ast.Call) -> str:
    node = call.args[1] if len(call.args) > 1 else _keyword(call, "mode")
    return node.attr if isinstance(node, ast.Attribute) else ""
