"""Paths of the data that comes with the tools, in a checkout and in an installed wheel."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

_PACKAGE = Path(__file__).resolve().parent
_PACKAGED = _PACKAGE / "_data"  # a wheel has the data here, a checkout at the repository's root
_CHECKOUT = _PACKAGE.parents[1]


def firmware_dir() -> Path:
    """The device code: ``boot.py``, ``main.py``, the package ``torpor`` and ``ports/``."""
    return _data("firmware", "firmware")


def boards_dir() -> Path:
    """The known board types, one TOML file each."""
    return _data("boards", "boards")


def shims_dir() -> Path:
    """The modules that stand in for the chip's in the simulator."""
    return _data("shims", "sim/shims")


def devices_dir() -> Path:
    """The models of devices that the simulator wires to boards."""
    return _data("devices", "sim/devices")


def templates_dir() -> Path:
    """The files that ``torpor init`` and ``torpor new`` start from."""
    return _PACKAGE / "templates"


def own_sources() -> tuple[Path, ...]:
    """The folders with everything of torpor that decides what a build makes."""
    return _PACKAGE, firmware_dir(), boards_dir(), shims_dir()


def cache_dir() -> Path:
    """The cache that all projects share and that can be fetched again: type stubs, firmware.

    ``TORPOR_CACHE`` names a place other than the system's usual one.
    """
    named = os.environ.get("TORPOR_CACHE")
    return Path(named) if named else Path(platformdirs.user_cache_dir("torpor", appauthor=False))


def _data(packaged: str, checkout: str) -> Path:
    return _PACKAGED / packaged if _PACKAGED.is_dir() else _CHECKOUT / checkout
