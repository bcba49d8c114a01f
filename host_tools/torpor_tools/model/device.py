"""A simulated device that is wired to a board: ``[boards.<name>.devices]``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import Where

BUS_LINES = {"i2c": ("scl", "sda"), "spi": ("sck", "mosi"), "uart": ("tx", "rx"), "pin": ()}
"""Kind of bus -> the board's lines that lead to the devices on it. A SPI's MISO is not needed."""

Ranges = Mapping[str, Sequence[Any]]
"""Name of an input, or ``*`` for all others -> minimum, maximum and perhaps the unit."""


@dataclass(frozen=True)
class DeviceEntry:
    """A device as ``cluster.toml`` has it, before its model has been read."""

    name: str
    values: dict[str, Any]
    where: Where
    wheres: dict[str, Where] = field(default_factory=dict)

    def where_of(self, key: str) -> Where:
        """Return the place of that key in ``cluster.toml``."""
        return self.wheres.get(key, self.where)


@dataclass(frozen=True)
class DeviceModel:
    """The constants that a model's file declares.

    ``bus`` is a key of ``BUS_LINES``. ``inputs`` has what it senses, with the initial values,
    ``ranges`` the minimum, maximum and unit of each (the key ``*``: of all others),
    ``options`` the settings that it gets once, with their defaults.
    """

    name: str
    file: Path
    bus: str
    addresses: tuple[int, ...] = ()
    pins: tuple[str, ...] = ()
    inputs: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    ranges: Ranges = field(default_factory=dict)
    digest: str = ""  # of its file: a board whose model has changed restarts


def outside(ranges: Ranges, device: str, name: str, value: Any) -> str | None:
    """Return the fault of a value that the input ``name`` cannot have, as a line of text.

    Args:
        ranges: Those of the device's model.
        device: The name of the device in ``cluster.toml``.
        name: One of the model's inputs.
        value: A number, a sine or the points of a curve, each of which must be in range.
    """
    limits = ranges.get(name) or ranges.get("*")
    if not limits:
        return None
    least, most = limits[:2]
    is_state = (least, most) == (0, 1)  # of a pin or a button: True is fine there
    for number in _numbers(value):
        if not least <= number <= most or (isinstance(number, bool) and not is_state):
            return f"{device}.{name} cannot be {number}: it is {_range_text(limits)}"
    return None


def _range_text(limits: Sequence[Any]) -> str:
    """Return a range as text: ``from -40 to 85 °C``."""
    return " ".join(["from", str(limits[0]), "to", *map(str, limits[1:])])


def _numbers(value: Any) -> list[Any]:
    if not isinstance(value, dict):
        return [value]
    if "points" in value:
        return [number for _, number in value["points"]]
    return [value["base"] - abs(value["amplitude"]), value["base"] + abs(value["amplitude"])]


@dataclass(frozen=True)
class Device:
    """A device with its model, at pins of a board: ``bus`` in the order of ``BUS_LINES``."""

    name: str
    model: DeviceModel
    where: Where = field(compare=False)
    bus: tuple[int, ...] = ()
    pins: dict[str, int] = field(default_factory=dict)  # besides those of the bus, by line
    address: int | None = None
    inputs: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    miso: int | None = None  # the pin of a SPI's MISO, if it is named
