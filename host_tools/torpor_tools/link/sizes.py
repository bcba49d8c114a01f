"""Measures the parts of an image, and writes their sizes as JSON."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence

from ..image.tree import Files
from ..model.image import SizeRow, SizeTable
from ..model.plan import BoardPlan
from .module import Module

_KINDS = ("service", "library", "runtime", "dependency", "wiring", "start")


def measure(board: BoardPlan, modules: Sequence[Module], files: Files) -> SizeTable:
    """The size table of an image: one row for each service and for each other module."""
    compiled: dict[tuple[str, str], int] = defaultdict(int)
    static: dict[tuple[str, str], int] = defaultdict(int)
    for service in board.services:
        compiled["service", service.name] = 0
    parts = {path: _row(m) for m in modules for path in (m.compiled_path, m.path)}
    inside: dict[tuple[str, str], list[str]] = defaultdict(list)
    for module in modules:
        inside[_row(module)].append(module.name)
    for path, data in files.items():
        if path in parts:
            compiled[parts[path]] += len(data)
        elif path.startswith("services/"):
            static["service", path.split("/")[1]] += len(data)
        else:
            (compiled if path.endswith(".py") else static)["start", path] += len(data)
    order = sorted(compiled | static, key=lambda key: (_KINDS.index(key[0]), key[1]))
    rows = tuple(
        SizeRow(name, kind, compiled[kind, name], static[kind, name], tuple(inside[kind, name]))
        for kind, name in order
    )
    flash = board.board.filesystem
    return SizeTable(rows, flash.block_size * flash.block_count)


def to_json(sizes: SizeTable) -> str:
    """The table as JSON text; all figures are bytes, shares from 0 to 1."""
    rows = [
        {
            "name": row.name,
            "kind": row.kind,
            "compiled": row.compiled,
            "static": row.static,
            "total": row.total,
            "share": round(sizes.share(row), 4),
        }
        for row in sizes.rows
    ]
    total = {"compiled": sizes.compiled, "static": sizes.static, "total": sizes.total}
    return json.dumps({"rows": rows, **total, "capacity": sizes.capacity}, indent=2) + "\n"


def _row(module: Module) -> tuple[str, str]:
    """Return kind and name of the row to which a module belongs."""
    if module.library:
        return "library", module.library
    name = module.name.split(".")[1] if module.part == "service" else module.name
    return module.part, name
