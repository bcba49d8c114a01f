"""The size table of an image: the bytes of each part, in the filesystem and in the heap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..model.image import SizeRow, SizeTable

HEADINGS = ("part", "kind", "compiled B", "static B", "share", "heap B")
HEAP_NOTE = "heap: once ready, in 64-bit MicroPython; a 32-bit chip needs about 70 % of it"
ON_REQUEST_NOTE = "in brackets: while a service that starts on request runs"

Heap = Mapping[str, int]  # bytes of a module or a service; missing ones were never loaded


def size_table(
    sizes: SizeTable, heap: Heap, on_request: Heap, *, modules: bool
) -> tuple[Sequence[str], list[tuple[str, ...]]]:
    """Headings and rows: each service and library, and the other modules or their sums.

    Without ``modules`` they are summed up.
    ``on_request`` is added to ``heap`` while services that start on request run.
    """

    def row(name: str, kind: str, parts: Sequence[SizeRow]) -> tuple[str, ...]:
        more = sum(heap_of(part, on_request) for part in parts)
        return _row(sizes, name, kind, parts, sum(heap_of(part, heap) for part in parts), more)

    rows = []
    for part in sizes.rows:
        if modules or part.kind in ("service", "library", "wiring"):
            rows.append(row(part.name, part.kind, [part]))
    if not modules:
        for kind in ("runtime", "dependency", "start"):
            if parts := sizes.of(kind):
                what = "files" if kind == "start" else "modules"
                rows.append(row(f"{len(parts)} {what}", kind, parts))
    rows.append(row("total", "", sizes.rows))
    return HEADINGS, rows


def heap_of(row: SizeRow, heap: Heap) -> int:
    """Return the bytes of heap of a row: those of its modules, and of a service's object."""
    if row.kind == "library":
        return sum(heap.get(name, 0) for name in row.modules)
    if row.kind != "service":
        return heap.get(row.name, 0)
    home = f"services.{row.name}"
    modules = sum(n for name, n in heap.items() if name == home or name.startswith(home + "."))
    return modules + heap.get(row.name, 0)


def _row(
    sizes: SizeTable, name: str, kind: str, parts: Sequence[SizeRow], heap: int, more: int
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
        " ".join(filter(None, (f"{heap:,}" if heap else "", f"({more:,})" if more else ""))),
    )
