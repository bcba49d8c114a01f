"""What a cluster must not do: one function a mistake that needs all services to be seen."""

from __future__ import annotations

from collections.abc import Iterator

from ..config.suggest import did_you_mean, listing
from ..errors import Problem
from ..model.board import Board
from ..model.cluster import BoardEntry, Cluster
from ..model.contract import Contract
from .source import Source


def services_have_entries(cluster: Cluster) -> Iterator[Problem]:
    entries = [s.name for s in cluster.services]
    for board in cluster.boards:
        for name in board.services:
            if name not in entries:
                yield Problem(
                    board.where,
                    f"{board.name} carries {name}, which has no table [services.{name}]",
                    did_you_mean(name, entries) or f"add [services.{name}] with a port",
                )


def services_are_placed_once(cluster: Cluster) -> Iterator[Problem]:
    homes: dict[str, str] = {}
    for board in cluster.boards:
        for name in board.services:
            if name in homes and homes[name] != board.name:
                yield Problem(
                    board.where,
                    f"{name} is placed on {homes[name]} and on {board.name}",
                    "a service runs on one board for now: take it from one of them",
                )
            homes.setdefault(name, board.name)


def ports_are_unique(cluster: Cluster) -> Iterator[Problem]:
    by_name = {s.name: s for s in cluster.services}
    for board in cluster.boards:
        seen: dict[int, str] = {}
        for name in board.services:
            entry = by_name.get(name)
            if entry is None or entry.port is None:
                continue
            if entry.port in seen:
                other = by_name[seen[entry.port]]
                yield Problem(
                    entry.where,
                    f"{name} has port {entry.port}, and so has {other.name} "
                    f"(line {other.where.line})",
                    "give one of them another port",
                )
            seen.setdefault(entry.port, name)


def listeners_fit(board: BoardEntry, kind: Board, cluster: Cluster) -> Iterator[Problem]:
    ports = {s.name: s.port for s in cluster.services}
    listening = [name for name in board.services if ports.get(name)]
    if len(listening) > kind.listeners:
        yield Problem(
            board.where,
            f"{kind.name} holds {kind.listeners} listeners, {board.name} needs {len(listening)}",
            f"give one of {listing(listening)} `port = false` or put it behind another "
            "service's port",
        )


def routes_can_be_reached(cluster: Cluster, contracts: dict[str, Contract]) -> Iterator[Problem]:
    for entry in cluster.services:
        contract = contracts.get(entry.name)
        if entry.port is None and contract:
            for method in contract.methods:
                for route in method.routes:
                    yield Problem(
                        route.where,
                        f"{entry.name} has the route {route.verb} {route.path} but `port = false`",
                        "give it a port in cluster.toml, or take the route from the method",
                    )
            if contract.has_app:
                yield Problem(
                    contract.where,
                    f"{entry.name} has an app but `port = false`",
                    "give it a port in cluster.toml",
                )


def peers_exist(cluster: Cluster, sources: dict[str, Source]) -> Iterator[Problem]:
    """Every imported class is the service class of a service that is there."""
    for source in sources.values():
        for item in source.imports:
            folder = cluster.root / "services" / item.service
            if not folder.is_dir():
                known = sorted(sources)
                yield Problem(
                    item.where,
                    f"there is no service {item.service}",
                    did_you_mean(item.service, known) or f"services: {listing(known)}",
                )
            elif item.service in sources and item.name != "*":
                classes = [cls.name for cls in sources[item.service].classes]
                if item.name not in classes:
                    yield Problem(
                        item.where,
                        f"{item.name} of {item.service} is not its service class; only a peer's "
                        "class may be imported from another service",
                        did_you_mean(item.name, classes)
                        or "ask the peer for it through a method of its contract",
                    )


def peers_are_placed(cluster: Cluster, contracts: dict[str, Contract]) -> Iterator[Problem]:
    homes = {name: board.name for board in cluster.boards for name in board.services}
    for contract in contracts.values():
        for peer in contract.peers:
            if not (cluster.root / "services" / peer.service).is_dir():
                continue  # said already: there is no such service
            if peer.service not in homes:
                yield Problem(
                    peer.where,
                    f"{contract.service} needs {peer.service}, which is placed on no board",
                    f"add {peer.service} to the services of a board in cluster.toml",
                )
            elif homes[peer.service] != homes[contract.service]:
                yield Problem(
                    peer.where,
                    f"{contract.service} is on {homes[contract.service]}, its peer {peer.service} "
                    f"on {homes[peer.service]}",
                    "put them on one board: calls between boards are not there yet",
                )


def streams_are_not_called(
    contracts: dict[str, Contract], sources: dict[str, Source]
) -> Iterator[Problem]:
    import ast

    for name, contract in contracts.items():
        peers = {p.attribute: p.service for p in contract.peers}
        for node in ast.walk(sources[name].tree):
            if not (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute)):
                continue
            target = contracts.get(peers.get(node.value.attr, ""))
            if target and any(m.name == node.attr and m.streamed for m in target.methods):
                yield sources[name].problem(
                    node,
                    f"{target.service}.{node.attr} streams: a peer cannot call it",
                    "ask the peer for a list instead",
                )
