"""Checks the pins that services use against their board, if the number is a literal.

A pin in a module of ``lib/`` is a pin of each service that imports the module.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..errors import Problem
from ..model.board import Board
from ..model.cluster import BoardEntry, Cluster, ServiceEntry
from ..suggest import listing, ranges
from .lib import reached
from .pin_uses import Use, bus_calls, uses
from .source import Source
from .source_module import Module

_CHANNELS = 5  # of a Pico's ADC, given by number: NUM_ADC_CHANNELS in ports/rp2/machine_adc.c
_INPUTS = ("Pin", "ADC", "TouchPad")
_IN_LINES = ("miso", "rx", "cts")
_READERS = ("ADC", "TouchPad")  # two services may read one


def pins_exist(
    cluster: Cluster,
    board: BoardEntry,
    kind: Board,
    sources: dict[str, Source],
    lib: Iterable[Module],
) -> Iterator[Problem]:
    """Each pin exists on the board, and supports its use."""
    for name, source in _of(board, sources):
        modules = _modules(source, lib)
        for use in uses(modules, _entry(cluster, name), kind):
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
    """Two services of a board do not claim the same pin; both may read it, or share an I2C or SPI.

    A pin of a module of ``lib/`` that both import does not count, because it is known only at run
    time which of them uses it.
    """
    owners: dict[int | str, list[tuple[str, Use]]] = {}
    for name, source in _of(board, sources):
        reported = set()
        for use in uses(_modules(source, lib), _entry(cluster, name), kind):
            pin = _place(use, kind)
            others = owners.setdefault(pin, [])
            for owner, first in others:
                if owner == name or use.where == first.where or _go_together(use, first):
                    continue
                if (pin, owner) not in reported:
                    reported.add((pin, owner))
                    what = f"{name} uses pin {use.pin} of {board.name}, which {owner} uses"
                    yield Problem(use.where, f"{what}{_as(first)}", _remedy(owner, use, first))
            others.append((name, use))


def _place(use: Use, kind: Board | None) -> int | str:
    """Return the pin of a use, or the pin of a channel of a Pico's ADC."""
    if not kind or not _is_channel(use, kind):
        return _same(use.pin, kind)
    able = kind.pins.adc
    number = int(use.pin)
    return able[number] if number < len(able) else "CORE_TEMP"


def _is_channel(use: Use, kind: Board) -> bool:
    is_number = use.is_number and isinstance(use.pin, int)
    return use.kind == "ADC" and kind.port == "rp2" and is_number and int(use.pin) < _CHANNELS


def _go_together(a: Use, b: Use) -> bool:
    """Whether two services may use a pin in these ways."""
    if a.kind == b.kind == "Pin":
        return a.mode == b.mode == "IN"
    if a.line and not a.kind.startswith("uart"):
        return a.kind == b.kind  # other devices on the same bus
    return a.kind == b.kind and a.kind in _READERS


def _as(use: Use) -> str:
    return f" as {use.kind}" if use.kind != "Pin" else ""


def _remedy(owner: str, use: Use, first: Use) -> str:
    there = f"{owner} does so at {first.where}: let one service own it"
    if use.kind == first.kind == "Pin":
        return f"{there}, or both read it with Pin.IN"
    return f"{there}, or give one of them another pin{_as(use) and f' than {use.pin}{_as(use)}'}"


def _of(board: BoardEntry, sources: dict[str, Source]) -> Iterator[tuple[str, Source]]:
    for name in board.services:
        if name in sources:
            yield name, sources[name]


def _modules(source: Source, lib: Iterable[Module]) -> tuple[Module, ...]:
    """A service's modules, its main one first, and those of ``lib/`` that it imports."""
    return (*source.modules, *reached(source.modules, lib))


def _same(pin: int | str, kind: Board | None) -> int | str:
    """Return one name for a pin that has several: 5 for GP5."""
    number = _number(pin, kind) if kind and isinstance(pin, str) else -1
    return number if number >= 0 else pin


def _entry(cluster: Cluster, name: str) -> ServiceEntry | None:
    return next((entry for entry in cluster.services if entry.name == name), None)


def _wrong(use: Use, kind: Board) -> tuple[str, str] | None:
    """Return what is wrong with a use, and the remedy."""
    pins = kind.pins
    if not pins.gpio or use.is_usual:
        return None
    pin = _same(use.pin, kind)
    if _is_channel(use, kind) and isinstance(pin, int) and pin >= 0:
        return None
    if absent := absent_pin(use.pin, kind):
        return absent
    if isinstance(pin, str):
        return None
    for ability, able, words in (
        ("ADC", pins.adc, "analogue input"),
        ("DAC", pins.dac, "DAC"),
        ("TouchPad", pins.touch, "touch sensor"),
    ):
        if use.kind == ability and pin not in able:
            what = f"pin {use.pin} of a {kind.name} has no {words}"
            return what, f"use one of {ranges(able)}" if able else f"the chip has no {words}"
    if pin in pins.input_only and (wrong := _beyond_an_input(use)):
        others = f"only inputs are {ranges(pins.input_only)}"
        return f"pin {use.pin} of a {kind.name} {wrong[0]}", f"{wrong[1]}; {others}"
    valid = pins.valid.get(use.kind)
    if valid and pin not in valid:
        return f"pin {use.pin} of a {kind.name} cannot be {use.kind}", f"use one of {ranges(valid)}"
    return None


def absent_pin(named: int | str, kind: Board) -> tuple[str, str] | None:
    """Return that a board has no such pin, and the remedy; None if it has it."""
    pin = _same(named, kind)
    if not kind.pins.gpio or pin in (kind.pins.names if isinstance(pin, str) else kind.pins.gpio):
        return None
    remedy = f"it has {ranges(kind.pins.gpio)}" if isinstance(named, int) else _names(kind)
    return f"a {kind.name} has no pin {named}", remedy


def _number(name: str, kind: Board) -> int:
    """Return the number in GP5 or GPIO5, which only a Pico has; -1 if there is none."""
    digits = name.lstrip("GPIO") if kind.port == "rp2" else ""
    return int(digits) if digits.isdigit() else -1


def _names(kind: Board) -> str:
    numbers = f"it has {ranges(kind.pins.gpio)}"
    return f"{numbers}, and {listing(kind.pins.names)}" if kind.pins.names else numbers


def _beyond_an_input(use: Use) -> tuple[str, str] | None:
    """Return what is wrong with a use of a pin that can only be an input, and the remedy."""
    is_input = use.kind in _INPUTS or use.line in _IN_LINES
    if use.mode in ("OUT", "OPEN_DRAIN") or not is_input:
        return "can only be an input", "others can be outputs"
    if use.pull:
        return "has no pull-up or pull-down", "connect a resistor, or use another pin"
    return None


def _buses_exist(modules: Iterable[Module], kind: Board) -> Iterator[Problem]:
    for module, call, bus, number in bus_calls(modules):
        have = [name for name in kind.pins.buses if name.startswith(bus)]
        uart0 = kind.port == "esp32" and (bus, number) == ("uart", 0)  # its prompt is there
        if kind.pins.buses and f"{bus}{number}" not in have and not uart0:
            what = f"a {kind.name} has no {bus}{number}"
            yield module.problem(call, what, f"it has {listing(have)}")
