"""The contents of each port's firmware, as reported by MicroPython itself.

The tables next to this file are written by ``scripts/ask_firmware.py``.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

# Modules that MicroPython's shared sources give every chip alike. The official ESP32 firmware has
# no emulator to ask, so these of its modules are compared with the answers of the Pico W.
PORTABLE = """
    array asyncio binascii builtins cmath collections deflate errno gc hashlib heapq io json math
    micropython random re select struct
"""
# Modules of which each port has its own part.
ALIKE = "os platform socket ssl sys time"


@dataclass(frozen=True)
class Firmware:
    """The names of a firmware.

    ``members`` has a class's methods, ``attributes`` what its instances have besides; the keys of
    both are like ``builtins.str``.
    """

    version: str
    digest: str  # of the answers
    modules: Mapping[str, frozenset[str]]
    members: Mapping[str, frozenset[str]]
    instances: Mapping[str, frozenset[str]]
    refused: frozenset[str]  # "print(flush)", "str.__getitem__[::]", "iter/2"
    alike: frozenset[str] = frozenset()  # modules where another port's answer holds in part


@lru_cache
def firmware(port: str) -> Firmware:
    """Return what the firmware of ``port`` has."""
    if port not in ("rp2", "unix"):
        chip = firmware("rp2")
        shared = {name: chip.modules[name] for name in f"{PORTABLE} {ALIKE}".split()}
        return replace(chip, modules=shared, alike=frozenset(ALIKE.split()))
    return read_table((Path(__file__).parent / f"{port}.txt").read_text(encoding="utf-8"))


def read_table(text: str) -> Firmware:
    """The table that ``scripts/ask_firmware.py`` has written."""
    version = ""
    tables: dict[str, dict[str, frozenset[str]]] = {"module": {}, "class": {}, "instance": {}}
    refused = set()
    for line in text.splitlines():
        kind, _, rest = line.partition(" ")
        name, _, names = rest.partition(":")
        if kind in tables:
            tables[kind][name] = frozenset(names.split())
        elif kind == "refused":
            refused.add(rest)
        elif kind == "firmware":
            version = rest
    digest = f"{zlib.crc32(text.encode()):08x}"
    return Firmware(
        version, digest, tables["module"], tables["class"], tables["instance"], frozenset(refused)
    )
