"""The call graph of the placed services: which calls stay in memory, which use the network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..model.plan import Plan
from .calls import Calls, calls


@dataclass(frozen=True)
class Node:
    """A service on a board."""

    board: str
    service: str
    port: int | None


@dataclass(frozen=True)
class Edge:
    """Calls from one service to another. ``count``: how many a recorded run had, None without."""

    caller: Node
    peer: Node
    methods: tuple[str, ...]
    count: int | None = None
    is_event: bool = False  # the caller publishes events, whose names are in ``methods``

    @property
    def is_remote(self) -> bool:
        return self.caller.board != self.peer.board


@dataclass(frozen=True)
class Graph:
    """``boards``: name -> the name of its type, in the order of cluster.toml."""

    cluster: str
    boards: Mapping[str, str]
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    calls: Calls
    events: tuple[Edge, ...] = ()

    @property
    def arrows(self) -> tuple[Edge, ...]:
        """All edges, those of events last."""
        return (*self.edges, *self.events)

    def on(self, board: str) -> list[Node]:
        return [node for node in self.nodes if node.board == board]

    def pairs(self) -> dict[tuple[str, str], bool]:
        """(caller's service, peer's service) -> whether any of their calls leaves its board."""
        found: dict[tuple[str, str], bool] = {}
        for edge in self.edges:
            pair = edge.caller.service, edge.peer.service
            found[pair] = found.get(pair, False) or edge.is_remote
        return found

    def home(self, service: str, near: str) -> Node:
        """The board on which ``near`` reaches a service. Raises ``StopIteration``."""
        homes = [node for node in self.nodes if node.service == service]
        return next((node for node in homes if node.board == near), homes[0])


def graph(plan: Plan, counts: Mapping[tuple[str, str], int] | None = None) -> Graph:
    """The graph of a plan. ``counts``: calls of a recorded run by (caller, peer).

    A service on several boards calls, and is called, from each of them; a caller on another board
    has an edge to each replica. Raises ``UserError``.
    """
    found = calls(plan)
    nodes = tuple(Node(b.name, s.name, s.port) for b in plan.boards for s in b.services)
    edges = [
        Edge(a, b, methods, None if counts is None else counts.get((caller, peer), 0))
        for (caller, peer), methods in found.between().items()
        for a in nodes
        if a.service == caller
        for b in _reached(nodes, a, peer)
    ]
    boards = {board.name: board.board.name for board in plan.boards}
    events = tuple(_events(plan, nodes))
    return Graph(plan.cluster.name, boards, nodes, tuple(edges), found, events)


def _events(plan: Plan, nodes: tuple[Node, ...]) -> Iterator[Edge]:
    """An edge from each publisher to each service that subscribes to it, wherever it is."""
    contracts = {s.name: s.contract for board in plan.boards for s in board.services}
    for publisher in nodes:
        published = sorted(contracts[publisher.service].published)
        for subscriber in nodes:
            subscribed = {handler.event for handler in contracts[subscriber.service].handlers}
            names = tuple(name for name in published if name in subscribed)
            if names and subscriber != publisher:
                yield Edge(publisher, subscriber, names, is_event=True)


def _reached(nodes: tuple[Node, ...], caller: Node, peer: str) -> list[Node]:
    homes = [node for node in nodes if node.service == peer]
    here = [node for node in homes if node.board == caller.board]
    return here or homes
