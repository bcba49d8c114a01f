"""The graph as an SVG picture: one column per board, callers above those that they call.

Each service has a row of its own, so a line to it crosses no other: a line leaves its caller to the
right, goes up or down in a lane of its own, and reaches the peer along the peer's row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from ..suggest import counted
from .placed import Edge, Graph, Node

# Pixels.
WIDTH, HEIGHT = 150, 46  # of a service, which is higher if it has many lines
LINE, LANE = 18, 14  # from line to line at a service; from lane to lane
CHARACTER, HEAD = 7, 12  # the width of a label's character; of the arrow's head, with space
GAP, PAD, TITLE, MARGIN = 24, 24, 30, 20

_STYLE = """
  text { font: 14px system-ui, sans-serif; fill: #1b1f24; }
  .board { fill: #f4f6f8; stroke: #8a949e; }
  .kind, .port, .label { font-size: 12px; fill: #57606a; }
  .page, .service { fill: #ffffff; }
  .service { stroke: #1b1f24; }
  .call { fill: none; stroke: #1b1f24; stroke-width: 1.3; }
  .remote { stroke: #b35900; stroke-dasharray: 6 4; }
  .head { fill: #1b1f24; }
  .remote-head { fill: #b35900; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .board { fill: #161b22; stroke: #6e7681; }
    .kind, .port, .label { fill: #9da7b3; }
    .page, .service { fill: #0d1117; }
    .service, .call { stroke: #e6edf3; }
    .remote { stroke: #f0883e; }
    .head { fill: #e6edf3; }
    .remote-head { fill: #f0883e; }
  }
"""
_ARROW = (
    '<marker id="{kind}" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" '
    'orient="auto"><path class="{kind}" d="M0 0 8 4 0 8z"/></marker>'
)


@dataclass(frozen=True)
class _Box:
    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.x + self.width


@dataclass(frozen=True)
class _Layout:
    services: dict[Node, _Box]
    boards: dict[str, _Box]
    lanes: dict[Edge, float]
    width: float
    height: float


def svg(graph: Graph) -> str:
    """The picture's source. Hovering over a line shows the methods that are called."""
    layout = _layout(graph)
    size = f'width="{layout.width:g}" height="{layout.height:g}"'
    label = quoteattr(f"Calls between the services of {graph.cluster}")
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} '
        f'viewBox="0 0 {layout.width:g} {layout.height:g}" role="img" aria-label={label}>',
        f"<style>{_STYLE}</style><defs>{_arrows()}</defs>",
        f'<rect class="page" {size}/>',
    ]
    for name, box in layout.boards.items():
        lines += _board(name, graph.boards[name], box)
    for edge in graph.arrows:
        lines += _call(graph, layout, edge)
    for node, box in layout.services.items():
        lines += _service(node, box)
    return "\n".join([*lines, "</svg>"]) + "\n"


def _layout(graph: Graph) -> _Layout:
    room = (
        HEAD + CHARACTER * max((len(_label(edge)) for edge in graph.arrows), default=0) + PAD // 2
    )
    columns: dict[str, float] = {}
    lefts: dict[str, float] = {}  # of the services of a board
    lanes: dict[Edge, float] = {}
    x: float = MARGIN
    for board in graph.boards:
        columns[board] = x
        # A call from a board on the left has its label in front of the service.
        x += max(PAD, room) if board in _called_from_left(graph) else PAD
        lefts[board] = x
        x += WIDTH + room
        for edge in graph.arrows:
            if edge.caller.board == board:
                lanes[edge] = x
                x += LANE
        x += PAD + GAP
    services: dict[Node, _Box] = {}
    y: float = MARGIN + TITLE + PAD
    for node in _rows(graph):
        height = max(HEIGHT, LINE * len(_lines(graph, node)) + 8)
        services[node] = _Box(lefts[node.board], y, WIDTH, height)
        y += height + GAP
    ends = [*list(columns.values())[1:], x]
    boards = {
        board: _Box(left, MARGIN, right - left - GAP, y - MARGIN)
        for (board, left), right in zip(columns.items(), ends, strict=True)
    }
    return _Layout(services, boards, lanes, x - GAP + MARGIN, y + MARGIN)


def _called_from_left(graph: Graph) -> set[str]:
    """The boards with a service that a board further to the left calls."""
    order = list(graph.boards)
    return {
        edge.peer.board
        for edge in graph.arrows
        if order.index(edge.caller.board) < order.index(edge.peer.board)
    }


def _rows(graph: Graph) -> list[Node]:
    """All services, each below those that call it (a ring is cut where it closes)."""
    callers: dict[str, set[str]] = {node.service: set() for node in graph.nodes}
    for edge in graph.arrows:
        callers[edge.peer.service].add(edge.caller.service)

    def depth(service: str, below: tuple[str, ...]) -> int:
        above = [c for c in callers[service] if c not in below]
        return 1 + max((depth(c, (*below, service)) for c in above), default=-1)

    return sorted(graph.nodes, key=lambda node: depth(node.service, (node.service,)))


def _lines(graph: Graph, node: Node) -> list[Edge]:
    """The calls that begin or end at a service, in the order of their lines."""
    inward = [edge for edge in graph.arrows if edge.peer == node]
    return [*inward, *(edge for edge in graph.arrows if edge.caller == node)]


def _board(name: str, kind: str, box: _Box) -> Iterator[str]:
    yield f'<rect class="board" {_area(box)} rx="10"/>'
    yield (
        f'<text x="{box.x + PAD:g}" y="{box.y + TITLE:g}"><tspan font-weight="600">{escape(name)}'
        f'</tspan> <tspan class="kind">{escape(kind)}</tspan></text>'
    )


def _service(node: Node, box: _Box) -> Iterator[str]:
    port = f"port {node.port}" if node.port else "no port"
    yield f'<rect class="service" {_area(box)} rx="6"/>'
    at = f'x="{box.x + box.width / 2:g}" text-anchor="middle"'
    middle = box.y + box.height / 2
    yield f'<text {at} y="{middle - 3:g}">{escape(node.service)}</text>'
    yield f'<text class="port" {at} y="{middle + 14:g}">{port}</text>'


def _call(graph: Graph, layout: _Layout, edge: Edge) -> Iterator[str]:
    caller, peer = layout.services[edge.caller], layout.services[edge.peer]
    lane = layout.lanes[edge]
    y1, y2 = (_height(graph, layout, node, edge) for node in (edge.caller, edge.peer))
    from_left = peer.x > lane
    end = peer.x if from_left else peer.right
    kind = "call remote" if edge.is_remote else "call"
    head = "remote-head" if edge.is_remote else "head"
    path = f"M{caller.right:g} {y1:g} H{lane:g} V{y2:g} H{end:g}"
    yield f'<path class="{kind}" d="{path}" marker-end="url(#{head})"><title>{_title(edge)}</title>'
    yield "</path>"
    # Above the line, behind the arrow's head.
    x, anchor = (end - HEAD, "end") if from_left else (end + HEAD, "start")
    text = f'<text class="label" x="{x:g}" y="{y2 - 4:g}" text-anchor="{anchor}">'
    yield f"{text}{_label(edge)}</text>"


def _arrows() -> str:
    return "".join(_ARROW.format(kind=kind) for kind in ("head", "remote-head"))


def _height(graph: Graph, layout: _Layout, node: Node, edge: Edge) -> float:
    """The point where the line of a call meets a service."""
    lines = _lines(graph, node)
    box = layout.services[node]
    return box.y + box.height / 2 + LINE * (lines.index(edge) - (len(lines) - 1) / 2)


def _label(edge: Edge) -> str:
    if edge.count is not None:
        return counted(edge.count, "call")
    return counted(len(edge.methods), "event" if edge.is_event else "method")


def _title(edge: Edge) -> str:
    how = "over the network" if edge.is_remote else "in memory"
    methods = ", ".join(edge.methods)
    if edge.is_event:
        subscriber, publisher = edge.peer.service, edge.caller.service
        return escape(f"{subscriber} subscribes to events of {publisher} {how}: {methods}")
    return escape(f"{edge.caller.service} calls {edge.peer.service} {how}: {methods}")


def _area(box: _Box) -> str:
    return f'x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" height="{box.height:g}"'
