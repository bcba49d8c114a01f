"""A simulated device that is wired to a board: ``[boards.<name>.devices]``."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import Where

BUS_LINES = {"i2c": ("scl", "sda"), "spi": ("sck", "mosi"), "uart": ("tx", "rx"), "pin": ()}
"""Kind of bus -> the board's lines that lead to the devices on it. A SPI's MISO is not needed."""


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

    ``bus`` is a key of ``BUS_LINES``. ``inputs`` has what it senses, with the values to begin with,
    ``options`` what it is given once, with its defaults.
    """

    name: str
    file: Path
    bus: str
    addresses: tuple[int, ...] = ()
    pins: tuple[str, ...] = ()
    inputs: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    digest: str = ""  # of its file: a board whose model has changed starts again


@dataclass(frozen=True)
class Device:
    """A device with its model, at pins of a board: ``bus`` in the order of ``BUS_LINES``."""

    name: str
    model: DeviceModel
    where: Where = field(compare=False)
    bus: tuple[int, ...] = ()
    pins: dict[str, int] = field(default_factory=dict)  # those beside the bus, by line
    address: int | None = None
    inputs: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    miso: int | None = None  # the pin of a SPI's MISO, if it is named
