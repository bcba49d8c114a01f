"""The size table of an image: what each part weighs, in the filesystem and in the heap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..model.image import SizeRow, SizeTable

HEADINGS = ("part", "kind", "compiled B", "static B", "share", "heap B")
# Microdot takes 30.1 kB here and 18.4 kB on an emulated Pico W.
HEAP_NOTE = "heap: once ready, in 64-bit MicroPython; a chip of 32 bits takes some 80 % of it"


def size_table(
    sizes: SizeTable, heap: Mapping[str, int], *, modules: bool
) -> tuple[Sequence[str], list[tuple[str, ...]]]:
    """Headings and rows: every service, and every other module or, without ``modules``, their sums.

    ``heap`` holds bytes for a module or a service; what is missing there was never loaded.
    """
    rows = []
    for row in sizes.rows:
        if modules or row.kind in ("service", "wiring"):
            rows.append(_row(sizes, row.name, row.kind, [row], _heap(row, heap)))
    if not modules:
        for kind in ("runtime", "dependency", "start"):
            parts = sizes.of(kind)
            if parts:
                taken = sum(_heap(row, heap) for row in parts)
                what = "files" if kind == "start" else "modules"
                rows.append(_row(sizes, f"{len(parts)} {what}", kind, parts, taken))
    total = sum(_heap(row, heap) for row in sizes.rows)
    rows.append(_row(sizes, "total", "", sizes.rows, total))
    return HEADINGS, rows


def _heap(row: SizeRow, heap: Mapping[str, int]) -> int:
    if row.kind != "service":
        return heap.get(row.name, 0)
    home = f"services.{row.name}"
    modules = sum(n for name, n in heap.items() if name == home or name.startswith(home + "."))
    return modules + heap.get(row.name, 0)


def _row(
    sizes: SizeTable, name: str, kind: str, parts: Sequence[SizeRow], heap: int
) -> tuple[str, ...]:
    compiled = sum(part.compiled for part in parts)
    static = sum(part.static for part in parts)
    share = (compiled + static) / sizes.total
    return (
        name,
        kind,
        f"{compiled:,}",
        f"{static:,}" if static else "",
        f"{share:.0%}",
        f"{heap:,}" if heap else "",
    )
