"""Finds the pins of a service whose number is a literal or comes from its config."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..errors import Where
from ..model.board import Board
from ..model.cluster import ServiceEntry
from .source_module import Module

BUSES = {"machine.I2C": "i2c", "machine.SPI": "spi", "machine.UART": "uart"}
LINES = {
    "i2c": ("scl", "sda"),
    "spi": ("sck", "mosi", "miso"),
    "uart": ("tx", "rx", "cts", "rts"),
}
_SOFT = {"machine.SoftI2C": "i2c", "machine.SoftSPI": "spi"}
_AT_A_PIN = {  # call -> the kind of use
    "machine.Pin": "Pin",
    "machine.Signal": "Pin",
    "machine.PWM": "PWM",
    "machine.ADC": "ADC",
    "machine.DAC": "DAC",
    "machine.TouchPad": "TouchPad",
}
_TABLES = ("machine.Pin.board", "machine.Pin.cpu")
_PIN = "machine.Pin"


@dataclass(frozen=True)
class Use:
    """A call with a pin.

    Attributes:
        kind: Pin, PWM, ADC, DAC, TouchPad, or a line of a bus such as i2c0.scl (soft: i2c.scl).
        pin: Its number or name.
        where: The place of the number.
        mode: IN, OUT or OPEN_DRAIN, if the call names it.
        pull: PULL_UP or PULL_DOWN, if the call names it.
        is_number: Whether it is used without ``Pin()``: for an ADC of a Pico it may be a channel.
        is_usual: Whether it is the port's default, which the call does not name.
    """

    kind: str
    pin: int | str
    where: Where
    mode: str = ""
    pull: str = ""
    is_number: bool = False
    is_usual: bool = False

    @property
    def line(self) -> str:
        """The line of the bus; empty if the pin is not part of a bus."""
        return self.kind.partition(".")[2]


def uses(
    modules: tuple[Module, ...], entry: ServiceEntry | None, kind: Board | None
) -> Iterator[Use]:
    """Yield the uses of a service; its main module comes first in ``modules``."""
    for module in modules:
        yield from _Reader(module, entry if module is modules[0] else None, kind).uses()
        for node in _calls(module):
            driven = output_pin(node) if ast.unparse(node.func) == "self.output" else None
            if driven is not None:
                pin, where = value_of(module, driven, entry)
                if pin is not None:
                    yield Use("Pin", pin, where, "OUT")


def bus_calls(modules: Iterable[Module]) -> Iterator[tuple[Module, ast.Call, str, int]]:
    """Yield each call that creates a bus of the chip: its module, the call, and i2c, 0."""
    for module in modules:
        for call in _calls(module):
            if bus := BUSES.get(module.origin(call.func)):
                number = _Reader(module, None, None).id_of(call)
                if number is not None:
                    yield module, call, bus, number


def value_of(
    module: Module, node: ast.expr, entry: ServiceEntry | None
) -> tuple[int | str | None, Where]:
    """Return a pin that is a literal, here or as a setting; and where."""
    return _Reader(module, entry, None).value(node)


def constant(module: Module, node: ast.expr) -> int | str | None:
    """Return the value of a literal, or of a name that the module sets once."""
    return _Reader(module, None, None).value(node)[0]


def output_pin(call: ast.Call) -> ast.expr | None:
    """Return the pin of ``self.output(pin)``."""
    return _argument(call, 0, "pin")


class _Reader:
    """Reads one module."""

    def __init__(self, module: Module, entry: ServiceEntry | None, kind: Board | None) -> None:
        self._module = module
        self._entry = entry
        self._kind = kind
        self._values = _set_once(module.tree)

    def uses(self) -> Iterator[Use]:
        calls = list(_calls(self._module))
        inner: set[int] = set()  # the Pin calls that are the argument of another use
        found: list[tuple[ast.Call, Use]] = []
        for call in calls:
            name = self._module.origin(call.func)
            if name in _AT_A_PIN:
                argument = _argument(call, 0, "id" if name == _PIN else "pin")
                if argument is not None:
                    pin = self._pin_call(argument) if name != _PIN else None
                    if pin is not None and name != "machine.Signal":
                        inner.add(id(pin))
                    if name != "machine.Signal" or pin is None:
                        found += self._at_a_pin(call, _AT_A_PIN[name], argument)
            elif bus := BUSES.get(name) or _SOFT.get(name):
                for _, argument in self._lines(call, bus, soft=name in _SOFT):
                    pin = self._pin_call(argument)
                    if pin is not None:
                        inner.add(id(pin))
                found += self._of_a_bus(call, name, bus)
        yield from (use for call, use in found if id(call) not in inner)

    def _at_a_pin(
        self, call: ast.Call, kind: str, argument: ast.expr
    ) -> Iterator[tuple[ast.Call, Use]]:
        pin, where = self._pin(argument)
        if pin is not None:
            is_number = isinstance(pin, int) and self._pin_call(argument) is None
            yield (
                call,
                Use(kind, pin, where, _word(call, 1, "mode"), _word(call, 2, "pull"), is_number),
            )

    def _of_a_bus(self, call: ast.Call, name: str, bus: str) -> Iterator[tuple[ast.Call, Use]]:
        """The pins of a bus: those that the call names, otherwise the port's defaults."""
        soft = name in _SOFT
        number = None if soft else self.id_of(call)
        title = bus if number is None else f"{bus}{number}"
        given = dict(self._lines(call, bus, soft=soft))
        for line, argument in given.items():
            pin, where = self._pin(argument)
            if pin is not None and pin != -1:
                yield call, Use(f"{title}.{line}", pin, where)
        if self._kind and not any(keyword.arg is None for keyword in call.keywords):
            usual = {} if soft else self._kind.pins.buses.get(title, {})
            for line, default in usual.items():
                if line not in given:
                    where = self._module.where(call)
                    yield call, Use(f"{title}.{line}", default, where, is_usual=True)

    def _lines(self, call: ast.Call, bus: str, *, soft: bool) -> Iterator[tuple[str, ast.expr]]:
        if soft and bus == "i2c":
            yield from zip(LINES[bus], call.args, strict=False)
        for keyword in call.keywords:
            if keyword.arg in LINES[bus]:
                yield keyword.arg, keyword.value

    def id_of(self, call: ast.Call) -> int | None:
        """The number of a bus: its first argument, which is 0 if it is left out."""
        argument = _argument(call, 0, "id")
        if argument is None:
            return None if any(keyword.arg is None for keyword in call.keywords) else 0
        value = self.value(argument)[0]
        return value if type(value) is int else None

    def _pin_call(self, node: ast.expr) -> ast.Call | None:
        """The call ``Pin(4)``, in the expression itself or where its name was set."""
        node = self._resolved(node)
        if isinstance(node, ast.Call) and self._module.origin(node.func) == _PIN:
            return node
        return None

    def _pin(self, node: ast.expr) -> tuple[int | str | None, Where]:
        """The pin in ``4``, ``Pin(4)``, or a name that is set to one of them; and where."""
        call = self._pin_call(node)
        argument = _argument(call, 0, "id") if call else node
        if argument is None:
            return None, self._module.where(node)
        return self.value(argument)

    def value(self, node: ast.expr) -> tuple[int | str | None, Where]:
        """A literal number or name, here or as a setting; and where."""
        where = self._module.where(node)
        node = self._resolved(node)
        if isinstance(node, ast.Attribute):
            table, _, name = self._module.origin(node).rpartition(".")
            return (name if table in _TABLES else None), where
        key, default = _setting(node)
        if key and self._entry and key in self._entry.config:
            pin = self._entry.config[key]
            where = self._entry.config_wheres.get(key, self._entry.where)
            return (pin if type(pin) in (int, str) else None), where
        if default is not None:
            node = default
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return (-1, where) if ast.unparse(node) == "-1" else (None, where)
        if isinstance(node, ast.Constant) and type(node.value) in (int, str):
            return node.value, where  # type: ignore[return-value]
        return None, where

    def _resolved(self, node: ast.expr) -> ast.expr:
        """The value of a name, if the module sets it once; without const()."""
        for _ in range(4):
            if isinstance(node, ast.Name | ast.Attribute) and ast.unparse(node) in self._values:
                node = self._values[ast.unparse(node)]
            elif isinstance(node, ast.Call) and len(node.args) == 1 and _is_const(node):
                node = node.args[0]
        return node


def _set_once(tree: ast.Module) -> dict[str, ast.expr]:
    """The names and attributes of ``self`` that are set in only one place, with their values."""
    values: dict[str, ast.expr] = {}
    sets: Counter[str] = Counter()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if isinstance(target, ast.Name | ast.Attribute):
                    values[ast.unparse(target)] = node.value
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            sets[ast.unparse(node)] += 1
        elif isinstance(node, ast.arg):
            sets[node.arg] += 1
    return {name: value for name, value in values.items() if sets[name] == 1}


def _calls(module: Module) -> Iterator[ast.Call]:
    return (node for node in ast.walk(module.tree) if isinstance(node, ast.Call))


def _is_const(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name | ast.Attribute) and ast.unparse(call.func).endswith(
        "const"
    )


def _argument(call: ast.Call, position: int, name: str) -> ast.expr | None:
    """Return an argument by its position or its name; None if it is missing."""
    if len(call.args) > position and not any(isinstance(a, ast.Starred) for a in call.args):
        return call.args[position]
    return next((keyword.value for keyword in call.keywords if keyword.arg == name), None)


def _setting(node: ast.expr) -> tuple[str, ast.expr | None]:
    """``pin`` for ``self.config["pin"]`` and ``self.config.get("pin", 4)``, and the default."""
    key: ast.expr | None = None
    default = None
    if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "self.config":
        key = node.slice
    elif isinstance(node, ast.Call) and ast.unparse(node.func) == "self.config.get" and node.args:
        key, default = node.args[0], _argument(node, 1, "default")
    is_text = isinstance(key, ast.Constant) and isinstance(key.value, str)
    return (str(key.value), default) if is_text else ("", None)  # type: ignore[union-attr]


def _word(call: ast.Call, position: int, name: str) -> str:
    """``OUT`` for an argument ``Pin.OUT``."""
    node = _argument(call, position, name)
    return node.attr if isinstance(node, ast.Attribute) else ""
