"""Plans of a few lines, written by hand: the linker's tests need no cluster.toml."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from torpor_tools.contracts.shapes import from_text
from torpor_tools.errors import Where
from torpor_tools.model.board import Board, Filesystem
from torpor_tools.model.cluster import BoardEntry, Cluster, ServiceEntry
from torpor_tools.model.contract import Argument, Contract, Method, Peer, Route
from torpor_tools.model.plan import BoardPlan, PlacedService, Plan
from torpor_tools.model.types import Type

MICROPYTHON = str(Path(sys.executable).with_name("micropython"))
NOWHERE = Where("")
FILESYSTEM = Filesystem(0x12C000, 4096, 212, 256, 32, 0x00020000)
PICO_W = Board(
    name="RPI_PICO_W",
    title="Raspberry Pi Pico W",
    chip="RP2040",
    port="rp2",
    flash_bytes=0x200000,
    heap_bytes=194560,
    listeners=8,
    connections=5,
    sockets=15,
    stubs="",
    filesystem=FILESYSTEM,
    firmware=None,
)


@dataclass(frozen=True)
class Small:
    """A service: its files, and the contents of its contract."""

    files: Mapping[str, str | bytes] = field(default_factory=dict)
    methods: tuple[Method, ...] = ()
    peers: tuple[str, ...] = ()
    config: dict[str, Any] = field(default_factory=dict)
    port: int | None = 8001
    has_app: bool = False
    keeps: Mapping[str, Any] = field(default_factory=dict)  # uses_store, uses_state, migrations


def method(
    name: str,
    *routes: str,
    arguments: tuple[Argument, ...] = (),
    content_type: str | None = None,
    streamed: bool = False,
    every_ms: int | None = None,
) -> Method:
    """A contract method; a route is ``"GET /alerts/<id>"``."""
    pairs = [route.split(" ") for route in routes]
    return Method(
        name,
        arguments,
        Type("dict"),
        NOWHERE,
        tuple(Route(verb, path, NOWHERE, content_type) for verb, path in pairs),
        every_ms,
        streamed,
    )


def argument(name: str, kind: str, default: str | None = None) -> Argument:
    return Argument(name, from_text(kind), default, Where("services/a/__init__.py", 7))


def contract(name: str, small: Small) -> Contract:
    peers = tuple(Peer(peer, peer.capitalize(), peer, NOWHERE) for peer in small.peers)
    made = Contract(name, name.capitalize(), NOWHERE, small.methods, peers, small.has_app)
    return replace(made, **small.keeps)


def plan(root: Path, services: Mapping[str, Small], board: Board = PICO_W) -> Plan:
    """Return a plan of one board, ``shed``, with all services; write their files to ``root``."""
    placed = []
    for name, small in services.items():
        folder = root / "services" / name
        init = f"class {name.capitalize()}:\n    pass\n"
        for path, content in {"__init__.py": init, **small.files}.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            data = content if isinstance(content, bytes) else content.encode()
            (folder / path).write_bytes(data)
        entry = ServiceEntry(name, small.port, Where("cluster.toml", 9), small.config)
        placed.append(PlacedService(entry, contract(name, small), folder))
    boards = (BoardEntry("shed", board.name, tuple(services), NOWHERE),)
    cluster = Cluster("fridge-monitor", root, boards, tuple(p.entry for p in placed))
    return Plan(cluster, (BoardPlan("shed", board, tuple(placed)),))
