"""Needs of services and capacities of boards: the figures that a placement is judged by."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from ..image.tree import static_files
from ..link.bind import bound
from ..link.compile import compile_all
from ..link.sources import service_modules
from ..link.uses import imported
from ..model.plan import BoardPlan, PlacedService, Plan
from ..project.ports import connections_left, load_port
from .record import Record
from .solve import Load, Room

# A service that imports one of these is wired to the pins of its board.
_CHIP = {"machine", "esp32", "rp2", "network", "bluetooth", "espnow"}
_DRIVERS = {"onewire", "ds18x20", "dht", "neopixel"}
HEAP_SHARE = 0.75  # of a board's heap for runtime and services; the rest is for requests
_RUNTIME_BYTES = 96 * 1024  # in the filesystem, with Microdot; the sample's take 60 kB


def loads(
    plan: Plan, record: Record | None, cache: Path | None, free: Collection[str] = ()
) -> list[Load]:
    """The needs of each service. Services that use hardware stay in place, except ``free``."""
    found = {}
    for board in plan.boards:
        for service in board.services:
            stays = service.name not in free and uses_hardware(plan, service)
            found[service.name] = Load(
                service.name,
                service.port,
                _size(service, plan.cluster.root, cache),
                record.heap.get(service.name, 0) if record else 0,
                board.name if stays else None,
            )
    return list(found.values())


def rooms(plan: Plan, record: Record | None) -> list[Room]:
    """The capacity of each board."""
    base = max(record.base.values(), default=0) if record else 0
    return [_room(board, base) for board in plan.boards]


def uses_hardware(plan: Plan, service: PlacedService) -> bool:
    """Whether the service, or a library that it uses, imports what only the chip has."""
    return bool(imported(plan.cluster, service) & (_CHIP | _DRIVERS))


def _room(board: BoardPlan, base: int) -> Room:
    kind = board.board
    size = kind.filesystem.block_size * kind.filesystem.block_count
    heap = int(kind.heap_bytes * HEAP_SHARE) - base
    shares = load_port(kind.port).sockets.shared
    shared = connections_left(kind, 0) if shares else None
    return Room(board.name, kind.listeners, kind.connections, size - _RUNTIME_BYTES, heap, shared)


def _size(service: PlacedService, root: Path, cache: Path | None) -> int:
    modules, _ = service_modules(service, root)
    compiled, _ = compile_all([bound(module)[0] for module in modules], cache)
    return sum(map(len, [*compiled.values(), *static_files(service.folder / "static").values()]))
