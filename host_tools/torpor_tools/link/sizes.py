"""What each part of an image weighs: counted, written as JSON, shown as a table."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence

from rich.table import Table

from ..image.tree import Files
from ..model.image import SizeRow, SizeTable
from ..model.plan import BoardPlan
from .module import Module

_KINDS = ("service", "runtime", "dependency", "wiring", "start")


def measure(board: BoardPlan, modules: Sequence[Module], files: Files) -> SizeTable:
    """The size table of an image: a row a service, a row for each other module."""
    compiled: dict[tuple[str, str], int] = defaultdict(int)
    static: dict[tuple[str, str], int] = defaultdict(int)
    for service in board.services:
        compiled["service", service.name] = 0
    parts = {m.compiled_path: (m.part, _row_name(m)) for m in modules}
    for path, data in files.items():
        if path in parts:
            compiled[parts[path]] += len(data)
        elif path.startswith("services/"):
            static["service", path.split("/")[1]] += len(data)
        else:
            compiled["start", path] += len(data)
    order = sorted(compiled, key=lambda key: (_KINDS.index(key[0]), key[1]))
    rows = tuple(
        SizeRow(name, kind, compiled[kind, name], static[kind, name]) for kind, name in order
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


def render(sizes: SizeTable, *, modules: bool = False) -> Table:
    """The table for a terminal; ``modules`` shows the runtime module by module."""
    table = Table(box=None, pad_edge=False, header_style="bold", show_footer=True)
    table.add_column("part", footer="image")
    table.add_column("compiled", justify="right", footer=f"{sizes.compiled:,}")
    table.add_column("static", justify="right", footer=f"{sizes.static:,}")
    share = sizes.total / sizes.capacity if sizes.capacity else 0
    table.add_column("of the image", justify="right", footer=f"{share:.0%} of flash")
    rows = sizes.rows if modules else _summed(sizes)
    for row in rows:
        static = f"{row.static:,}" if row.static else ""
        table.add_row(row.name, f"{row.compiled:,}", static, f"{sizes.share(row):.1%}")
    return table


def _summed(sizes: SizeTable) -> list[SizeRow]:
    """The services as they are, and everything else by its package."""
    sums: dict[str, int] = defaultdict(int)
    kinds: Mapping[str, str] = {"wiring": "wiring", "start": "boot.py, main.py"}
    for row in sizes.rows:
        if row.kind != "service":
            sums[kinds.get(row.kind, row.name.partition(".")[0])] += row.compiled
    return [*sizes.of("service"), *(SizeRow(name, "sum", size) for name, size in sums.items())]


def _row_name(module: Module) -> str:
    return module.name.split(".")[1] if module.part == "service" else module.name
