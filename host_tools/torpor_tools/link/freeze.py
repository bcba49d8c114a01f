"""Writes an image's modules as sources that MicroPython's build can freeze into a firmware."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .. import paths
from ..image.tree import LISTING, checksums
from .module import Module

FOLDER = "frozen"


def frozen_files(modules: Iterable[Module], start: Iterable[Module]) -> dict[str, bytes]:
    """Return ``manifest.py`` and, below ``modules/``, the device's text of each module, by path."""
    found = {f"modules/{m.path}": m.source.encode() for m in (*modules, *start)}
    return {"manifest.py": (paths.firmware_dir() / "manifest.py").read_bytes(), **found}


def left_over(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the files of an image that cannot be frozen: secrets and static files."""
    code = (".mpy", ".py")
    left = {p: d for p, d in files.items() if not p.endswith(code) and p != LISTING}
    return {**left, LISTING: checksums(left)}
