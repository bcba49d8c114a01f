"""For a firmware of one's own: an image's modules as sources, for MicroPython's build to freeze."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .. import paths
from ..image.tree import LISTING, checksums
from .module import Module

FOLDER = "frozen"


def frozen_files(modules: Iterable[Module], start: Iterable[Module]) -> dict[str, bytes]:
    """``manifest.py`` and below ``modules/`` the device's text of every module, by path."""
    found = {f"modules/{m.path}": m.source.encode() for m in (*modules, *start)}
    return {"manifest.py": (paths.firmware_dir() / "manifest.py").read_bytes(), **found}


def left_over(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """What of an image's files cannot be frozen: secrets and what services serve."""
    code = (".mpy", ".py")
    left = {p: d for p, d in files.items() if not p.endswith(code) and p != LISTING}
    return {**left, LISTING: checksums(left)}
