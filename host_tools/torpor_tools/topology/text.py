"""The graph as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from ..model.contract import Contract
from ..model.plan import Plan
from .calls import APP, Point
from .placed import Edge, Graph, Node


def overview(graph: Graph) -> Iterator[str]:
    """Boards, their services, and what each service calls."""
    for board, kind in graph.boards.items():
        yield f"{board} ({kind})"
        for node in graph.on(board):
            port = f"port {node.port}" if node.port else "no port"
            yield f"  {node.service}, {port}"
            for edge in graph.arrows:
                if edge.caller == node:
                    yield f"    {_edge(edge)}"
    pairs = graph.pairs()
    sites = [pairs[a.service, b.service] for a, b in graph.calls.sites()]
    remote = sum(sites)
    unit = "pair of methods calls" if len(sites) - remote == 1 else "pairs of methods call"
    yield f"{len(sites) - remote} {unit} in memory, {remote} over the network"


def _edge(edge: Edge) -> str:
    count = "" if edge.count is None else f", {edge.count:,} recorded"
    word = "event " if edge.is_event else ""
    where = f" on {edge.peer.board}, over the network" if edge.is_remote else " in memory"
    return f"-> {edge.peer.service}{where}: {word}{', '.join(edge.methods)}{count}"


def touched(graph: Graph, plan: Plan) -> Iterator[str]:
    """For each route of each service, and each schedule, the services that it touches."""
    rows = [row for contract in _contracts(plan) for row in _roots(contract)]
    width = max((len(title) for title, _ in rows), default=0)
    for title, root in rows:
        names = dict.fromkeys(point.service for _, point in graph.calls.tree(root))
        remote = _remote(graph, root)
        tail = f"  ({remote} over the network)" if remote else ""
        yield f"{title.ljust(width)}  {' -> '.join(names)}{tail}"


def tree(graph: Graph, root: Point) -> Iterator[str]:
    """The methods that a call of ``root`` reaches, one per line, indented under the caller."""
    start = graph.home(root.service, "")
    branch: list[Node] = []
    for depth, point in graph.calls.tree(root):
        del branch[depth:]
        caller = branch[-1] if branch else start
        node = graph.home(point.service, caller.board)
        branch.append(node)
        how = ""
        if depth and node != caller:
            remote = node.board != caller.board
            how = f"  over the network to {node.board}" if remote else "  in memory"
        yield f"{'  ' * depth}{point}{how}"


def _remote(graph: Graph, root: Point) -> int:
    """The number of calls below ``root`` that leave their board."""
    return sum("over the network" in line for line in tree(graph, root))


def _contracts(plan: Plan) -> list[Contract]:
    return list({s.name: s.contract for b in plan.boards for s in b.services}.values())


def _roots(contract: Contract) -> Iterator[tuple[str, Point]]:
    for method in contract.methods:
        point = Point(contract.service, method.name)
        for route in method.routes:
            yield f"{contract.service}: {route.verb} {route.path}", point
        if method.every_ms is not None:
            yield f"{contract.service}: every {_period(method.every_ms)}", point
    if contract.has_app:
        yield f"{contract.service}: its app", Point(contract.service, APP)


def _period(ms: int) -> str:
    return f"{ms // 1000} s" if ms % 1000 == 0 else f"{ms} ms"
